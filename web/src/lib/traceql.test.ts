import { expect, test } from 'vitest';
import { restOf } from './traceql';

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
