import { expect, test } from 'vitest';
import { blankVariable } from './model';
import { bind, choose, fillQuery, fillText, readChoice, writeChoice } from './variables';

const TIMES = { startMs: 0, endMs: 3_600_000, step: 30 };
const VALUES = {
  one: { values: ['a"b\\c'], several: false },
  job: { values: ['a.b', 'c|d'], several: true },
  only: { values: ['a.b'], several: true },
  none: { values: [], several: true, all: true },
  window: { values: ['5m'], several: false },
};

test.each([
  ['up{a="$one"}', 'up{a="a\\"b\\\\c"}'],
  ['up{job=~"$job"}', 'up{job=~"(a\\\\.b|c\\\\|d)"}'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: so they are written
  ['up{job=~"${only}x"}', 'up{job=~"a\\\\.bx"}'],
  ['rate(up[$window])', 'rate(up[5m])'],
  ['rate(up[$__rate_interval]) > $__range_s', 'rate(up[60s]) > 3600'],
  ['up offset $unknown', 'up offset $unknown'],
  ['{a=~"$none"}', '{a=~".+"}'],
])('%s', (text, expected) => {
  expect(fillQuery(text, 'promql', VALUES, TIMES)).toBe(expected);
});

test('SQL is not written into: its values are bound', () => {
  const text =
    'SELECT 1 FROM spans WHERE service IN {job:Array(String)} AND name = {one:String} AND time > {from:DateTime64(3)}';
  expect(fillQuery(text, 'sql', VALUES, TIMES)).toBe(text);
  expect(bind(text, VALUES, TIMES)).toEqual({ job: ['a.b', 'c|d'], one: 'a"b\\c', from: 0 });
});

test('titles show the values', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: so they are written
  expect(fillText('Of $job at ${window}', VALUES)).toBe('Of a.b, c|d at 5m');
  expect(fillText('Of $none', VALUES)).toBe('Of All');
});

test('choices survive the URL', () => {
  const values = ['a,b', '100%', 'c%2Cd', 'e'];
  expect(readChoice(writeChoice(values))).toEqual(values);
});

test.each([
  [{}, {}, ['x']],
  [{ all: true }, {}, ['$__all']],
  [{ default: ['y', 'z'] }, {}, ['y']],
  [{ default: ['y', 'z'], multiple: true }, {}, ['y', 'z']],
  [{ default: ['y'] }, { 'var-a': 'z,w' }, ['z']],
  [{ multiple: true }, { 'var-a': 'z,w' }, ['z', 'w']],
  [{ kind: 'constant' as const, default: ['c'] }, { 'var-a': 'z' }, ['c']],
])('%j chosen by %j', (given, chosen, expected) => {
  expect(choose({ ...blankVariable('a'), ...given }, chosen, ['x', 'y'])).toEqual(expected);
});
