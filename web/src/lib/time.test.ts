import { expect, test } from 'vitest';
import { apiTime, DEFAULT_RANGE, describeRange, formatClock, formatTime, readRange, resolve, stepFor } from './time';

const NOW = Date.UTC(2026, 10, 26, 14, 3, 7, 123);

test.each([
  ['now', NOW],
  ['-15m', NOW - 900_000],
  ['-2d', NOW - 172_800_000],
  ['1795660800000', 1_795_660_800_000],
  ['-15x', null],
  ['yesterday', null],
  ['-1h; DROP TABLE', null],
])('%s is resolved', (text, expected) => {
  expect(resolve(text, NOW)).toBe(expected);
});

test.each([
  ['-1h', 'now', true],
  ['1795660800000', '1795664400000', true],
  ['now', '-1h', false],
  ['x', 'now', false],
  [undefined, undefined, false],
])('range %s to %s', (from, to, taken) => {
  expect(readRange(from, to)).toEqual(taken ? { from, to } : DEFAULT_RANGE);
});

test('times are shown in UTC and sent as seconds', () => {
  expect(formatTime(NOW, true)).toBe('2026-11-26 14:03:07');
  expect(formatClock(NOW, true)).toBe('14:03:07.123');
  expect(formatTime(Number.NaN, true)).toBe('no time');
  expect(apiTime('1795660800500')).toBe('1795660800.500');
  expect(apiTime('-1h')).toBe('-1h');
});

test('ranges are told in words', () => {
  expect(describeRange({ from: '-1h', to: 'now' }, true)).toBe('Last hour');
  expect(describeRange({ from: '-15m', to: 'now' }, true)).toBe('Last 15 minutes');
  expect(describeRange({ from: '1795660800000', to: '1795664400000' }, true)).toBe(
    '2026-11-26 02:40:00 – 2026-11-26 03:40:00',
  );
});

test.each([
  [3600, 30],
  [900, 10],
  [86_400, 900],
])('a range of %d s has steps of %d s', (seconds, step) => {
  expect(stepFor({ startMs: 0, endMs: seconds * 1000 })).toBe(step);
});
