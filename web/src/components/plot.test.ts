import { expect, test } from 'vitest';
import { tickTimes } from './plot';

const DAY = Date.UTC(2026, 10, 26) / 1000;

test.each([
  ['minutes', [DAY - 300, DAY, DAY + 300], 300, ['23:55\n11-25', '00:00\n11-26', '00:05']],
  ['seconds', [DAY + 1], 1, ['00:00:01\n11-26']],
  ['days', [DAY, DAY + 86_400], 86_400, ['11-26', '11-27']],
])('ticks of %s', (_, ticks, step, expected) => {
  expect(tickTimes(ticks, step, true)).toEqual(expected);
});
