import { expect, test } from 'vitest';
import { readParts, restOf, withoutDurations, writeParts } from './traceql';

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

test.each([
  ['{ }', []],
  [
    '{ resource.service.name = "cart && more" && duration > 1.5s && status = error }',
    [
      { field: 'resource.service.name', op: '=', value: 'cart && more' },
      { field: 'duration', op: '>', value: '1.5s' },
      { field: 'status', op: '=', value: 'error' },
    ],
  ],
  ['{ span.http.response.status_code >= 500 }', [{ field: 'span.http.response.status_code', op: '>=', value: '500' }]],
  ['{ name =~ "GET .*" }', [{ field: 'name', op: '=~', value: 'GET .*' }]],
])('%s is read into a form and written back', (query, parts) => {
  expect(readParts(query)).toEqual(parts);
  expect(writeParts(parts)).toBe(query);
});

test.each(['{ a = 1 } >> { b = 2 }', '{ a = 1 || b = 2 }', '{ (a = 1) }', '{ .a }', '{ a = 1 } | rate()'])(
  '%s is more than the form has',
  (query) => {
    expect(readParts(query)).toBeNull();
  },
);
