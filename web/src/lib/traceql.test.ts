import { expect, test } from 'vitest';
import { restOf, withoutDurations } from './traceql';

test.each([
  ['{ status = error }', '{ !(status = error) }'],
  ['{ resource.service.name = "a" && duration > 1s }', '{ resource.service.name = "a" && !(duration > 1s) }'],
  ['{ duration > 1s && resource.service.name = "a}" }', '{ resource.service.name = "a}" && !(duration > 1s) }'],
  [
    '{ name = "x" && resource.service.name = "a" && duration > 1s }',
    '{ resource.service.name = "a" && !(name = "x" && duration > 1s) }',
  ],
  ['{ resource.service.name = "a" }', null],
  ['{ }', null],
  ['{ status = error } >> { kind = server }', null],
  ['{ } | rate()', null],
])('rest of %s', (query, expected) => {
  expect(restOf(query)).toBe(expected);
});

test.each([
  ['duration > 1s && status = error', 'status = error'],
  ['status = error && duration >= 300us && duration < 1.5ms', 'status = error'],
  ['duration > 1s', ''],
  ['traceDuration > 1s', 'traceDuration > 1s'],
  ['name = "a && duration > 1s"', 'name = "a && duration > 1s"'],
  ['', ''],
])('%s without durations', (conditions, expected) => {
  expect(withoutDurations(conditions)).toBe(expected);
});
