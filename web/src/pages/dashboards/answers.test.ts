import { expect, test } from 'vitest';
import { binsOf, levelOf, reduced, rowsOf, type Series, seriesOf } from './answers';

const GRID = { start: 0, end: 20, step: 10 };
const query = (language: 'promql' | 'traceql' | 'sql', legend = '') => ({ language, text: 'q', legend });

test('series of PromQL stand on the grid, by their legend', () => {
  const result = [
    {
      metric: { __name__: 'up', job: 'a' },
      values: [
        [0, '1'],
        [20, 'NaN'],
      ] as [number, string][],
    },
  ];
  const answer = { data: { resultType: 'matrix', result } };
  expect(seriesOf(answer, query('promql', 'job {{job}}'), GRID)).toEqual([
    { name: 'job a', labels: { __name__: 'up', job: 'a' }, values: [1, null, null] },
  ]);
  expect(seriesOf(answer, query('promql'), GRID)[0]?.name).toBe('up{job="a"}');
});

test('series of TraceQL have their attributes', () => {
  const labels = [{ key: 'resource.service.name', value: { stringValue: 'cart' } }];
  const answer = { series: [{ labels, samples: [{ timestampMs: '10000', value: 2 }] }] };
  expect(seriesOf(answer, query('traceql', '{{resource.service.name}}'), GRID)).toEqual([
    { name: 'cart', labels: { 'resource.service.name': 'cart' }, values: [null, 2, null] },
  ]);
});

test('rows of SQL are series by their texts, over a time or at the end', () => {
  const columns = [
    { name: 't', type: 'DateTime' },
    { name: 'service', type: 'String' },
    { name: 'n', type: 'UInt64' },
  ];
  const rows = [
    ['1970-01-01T00:00:00Z', 'cart', 1],
    ['1970-01-01T00:00:10Z', 'cart', 2],
    ['1970-01-01T00:00:10Z', 'mail', 3],
  ];
  const over = seriesOf({ columns, rows }, query('sql', '{{service}}'), GRID);
  expect(over.map(({ name, values }) => [name, values])).toEqual([
    ['cart', [1, 2, null]],
    ['mail', [null, 3, null]],
  ]);
  const now = seriesOf({ columns: columns.slice(1), rows: [['cart', 7]] }, query('sql'), GRID);
  expect(now[0]?.values).toEqual([null, null, 7]);
});

test.each([
  ['last', 3],
  ['mean', 2],
  ['min', 1],
  ['max', 3],
  ['sum', 4],
] as const)('%s of a series', (how, expected) => {
  expect(reduced([1, null, 3, null], how)).toBe(expected);
  expect(reduced([null], how)).toBeNull();
});

test('a value has the level of the highest step that it has reached', () => {
  const steps = [
    { value: 90, level: 'bad' as const },
    { value: 0, level: 'good' as const },
    { value: 70, level: 'warn' as const },
  ];
  expect([-1, 0, 75, 90, null].map((value) => levelOf(value, steps))).toEqual([null, 'good', 'warn', 'bad', null]);
});

test('buckets of a histogram are counted without those below them, values by size', () => {
  const bucket = (le: string, count: number) => ({ name: '', labels: { le }, values: [count] });
  expect(binsOf([bucket('+Inf', 9), bucket('0.1', 4), bucket('1', 7)])).toEqual([
    { from: 0, to: 0.1, count: 4 },
    { from: 0.1, to: 1, count: 3 },
    { from: 1, to: Number.POSITIVE_INFINITY, count: 2 },
  ]);
  const bins = binsOf([{ name: '', labels: {}, values: [0, 1, 9, null, 10] }], 2);
  expect(bins.map(({ count }) => count)).toEqual([2, 2]);
  expect(binsOf([])).toEqual([]);
});

test('a table has a column for each label', () => {
  const series: Series[] = [
    { name: '', labels: { __name__: 'up', a: '1' }, values: [1] },
    { name: '', labels: { b: '2' }, values: [null] },
  ];
  expect(rowsOf(series, 'last')).toEqual({
    columns: ['metric', 'a', 'b', 'value'],
    rows: [
      ['up', '1', '', 1],
      ['', '', '2', null],
    ],
  });
});
