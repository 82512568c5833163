import { expect, test } from 'vitest';
import { suggestQuery } from './words';

test.each([
  ['http_requests_total', 'counter', 'sum(rate(http_requests_total[5m]))'],
  ['http_seconds_bucket', 'histogram', 'histogram_quantile(0.95, sum by (le) (rate(http_seconds_bucket[5m])))'],
  ['memory_bytes', 'gauge', 'memory_bytes'],
  ['http.requests', '', '{"http.requests"}'],
])('%s of type %s', (name, type, expected) => {
  expect(suggestQuery(name, type)).toBe(expected);
});
