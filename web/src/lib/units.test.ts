import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatMs, formatNs, formatRate, formatShare } from './units';

const plain = (text: string) => text.replaceAll('\u202f', ' ');

test.each([
  [formatCount(12_345), '12.3 k'],
  [formatCount(0), '0'],
  [formatCount(999.6), '1 k'],
  [formatCount(100), '100'],
  [formatCount(null), '–'],
  [formatCount(Number.NaN), '–'],
  [formatMs(0.34), '340 µs'],
  [formatMs(12.34), '12.3 ms'],
  [formatMs(1234), '1.23 s'],
  [formatMs(125_000), '2 min 5 s'],
  [formatMs(7_500_000), '2 h 5 min'],
  [formatMs(null), '–'],
  [formatNs(1500), '1.5 µs'],
  [formatRate(0.05), '3 /min'],
  [formatRate(0.05, 0.2), '0.05 /s'],
  [formatRate(1500), '1.5 k /s'],
  [formatShare(0.0312), '3.12 %'],
  [formatShare(0.00001), '<0.01 %'],
  [formatBytes(1536), '1.5 KiB'],
])('%s', (shown, expected) => {
  expect(plain(shown)).toBe(expected);
});
