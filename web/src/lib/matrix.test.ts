import { expect, test } from 'vitest';
import { seriesName, toLines } from './matrix';

test('values stand at their times, gaps stay gaps, what is no number is left out', () => {
  const result = [
    {
      metric: { __name__: 'up', job: 'a"b' },
      values: [
        [10, '1'],
        [30, 'NaN'],
        [40, '+Inf'],
        [50, '2.5'],
      ] as [number, string][],
    },
  ];
  const { times, lines, left } = toLines({ data: { resultType: 'matrix', result } }, { start: 10, end: 50, step: 10 });
  expect(times).toEqual([10, 20, 30, 40, 50]);
  expect(lines).toEqual([{ name: 'up{job="a\\"b"}', values: [1, null, null, null, 2.5] }]);
  expect(left).toBe(0);
});

test('more than 200 series are counted, not drawn', () => {
  const result = Array.from({ length: 230 }, (_, place) => ({ metric: { n: String(place) }, values: [] }));
  const { lines, left } = toLines({ data: { resultType: 'matrix', result } }, { start: 0, end: 10, step: 10 });
  expect([lines.length, left]).toEqual([200, 30]);
});

test.each([
  [{}, 'value'],
  [{ __name__: 'up' }, 'up'],
  [{ a: '1' }, '{a="1"}'],
])('name of %j', (metric, expected) => {
  expect(seriesName(metric as Record<string, string>)).toBe(expected);
});
