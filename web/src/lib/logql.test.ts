import { expect, test } from 'vitest';
import { narrow } from './logql';

test.each([
  ['{service_name="cart"}', 'env', 'prod', true, true, '{service_name="cart", env="prod"}'],
  ['{service_name=~".+"} |= "x"', 'service_name', 'cart', true, true, '{service_name="cart"} |= "x"'],
  ['{service_name="cart"}', 'env', 'a"b', false, true, '{service_name="cart", env!="a\\"b"}'],
  ['{a="x,y", b="}"}', 'c', '1', true, true, '{a="x,y", b="}", c="1"}'],
  ['{a="b"} | json', 'status', '500', true, false, '{a="b"} | json | status="500"'],
  ['{a="b"}', 'user', '<b>', false, false, '{a="b"} | user!="<b>"'],
])('%s and %s', (query, name, value, keep, isLabel, expected) => {
  expect(narrow(query, name, value, keep, isLabel)).toBe(expected);
});
