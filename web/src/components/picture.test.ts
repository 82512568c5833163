import { expect, test } from 'vitest';
import { breakText, describeTimes, placeEntries } from './picture';

const measure = (text: string) => text.length;

test.each([
  ['what fits', 'rate of cart', 12, ['rate of cart']],
  ['at spaces', 'rate of cart and shop', 12, ['rate of cart', 'and shop']],
  ['a word that is too long', 'abcdefghij', 4, ['abcd', 'efgh', 'ij']],
  ['more than three rows', 'aaa bbb ccc ddd eee', 4, ['aaa', 'bbb', 'ccc…']],
  ['nothing', ' ', 4, []],
])('%s', (_, text, room, rows) => {
  expect(breakText(text, room, 3, measure)).toEqual(rows);
});

test('entries of a legend stand beside each other, and a wide one alone', () => {
  expect(placeEntries([40, 40, 40, 200, 10], 100)).toEqual([
    { left: 0, row: 0 },
    { left: 54, row: 0 },
    { left: 0, row: 1 },
    { left: 0, row: 2 },
    { left: 0, row: 3 },
  ]);
});

test('the time range is told with its zone', () => {
  const noon = Date.UTC(2026, 10, 26, 12) / 1000;
  expect(describeTimes([noon, noon + 60], true)).toBe('2026-11-26 12:00:00 – 2026-11-26 12:01:00 UTC');
  expect(describeTimes([], true)).toBe('');
});
