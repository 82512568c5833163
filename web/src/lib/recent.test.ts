import { afterEach, expect, test } from 'vitest';
import { forget, readRecent, remember } from './recent';

afterEach(() => localStorage.clear());

test('newest first, each once, by language and tenant', () => {
  for (const text of ['a', 'b', 'a']) remember('promql', 'shop', text);
  remember('promql', 'other', 'c');
  expect(readRecent('promql', 'shop')).toEqual(['a', 'b']);
  expect(readRecent('logql', 'shop')).toEqual([]);
  forget('promql', 'shop');
  expect(readRecent('promql', 'shop')).toEqual([]);
});

test('only twenty are kept, and nothing enormous', () => {
  for (let each = 0; each < 30; each += 1) remember('promql', '', `q${each}`);
  remember('promql', '', 'x'.repeat(5000));
  expect(readRecent('promql', '')).toHaveLength(20);
  expect(readRecent('promql', '')[0]).toBe('q29');
});

test('what somebody else wrote there is no reason to fail', () => {
  localStorage.setItem('traceo-recent promql ', '{"not": "a list"}');
  expect(readRecent('promql', '')).toEqual([]);
  localStorage.setItem('traceo-recent promql ', 'no JSON');
  expect(readRecent('promql', '')).toEqual([]);
});
