import { afterEach, expect, test, vi } from 'vitest';
import { serve } from '../test-render';
import { askAhead, firstOf, takeAsked, writeToken } from './ahead';
import { request } from './client';

afterEach(() => {
  vi.useRealTimers();
  writeToken('');
});

test.each([
  ['/', '', '/api/v1/catalog?start=-1h&end=now&sort=health&limit=12'],
  [
    '/',
    '?from=1795690000000&to=1795690500500',
    '/api/v1/catalog?start=1795690000.000&end=1795690500.500&sort=health&limit=12',
  ],
  ['/', '?from=now&to=-1h', '/api/v1/catalog?start=-1h&end=now&sort=health&limit=12'],
  ['/services', '?find=cart&tenant=acme', '/api/v1/catalog?start=-1h&end=now&search=cart&limit=10000'],
  ['/traces/0123abcd', '?span=1', '/api/v1/traces/0123abcd'],
  ['/traces/..%2fusers', '', null],
  ['/logs', '', null],
])('%s%s reads %s first', (path, search, expected) => {
  expect(firstOf(path, new URLSearchParams(search))).toBe(expected);
});

test('what was asked ahead is not asked again, with the same token and tenant', async () => {
  const asked = serve({ 'GET /api/v1/traces/ab': { trace_id: 'ab' } });
  writeToken('secret');
  askAhead({ pathname: '/traces/ab', search: '?tenant=acme' });
  expect(await request('/api/v1/traces/ab', 'acme')).toEqual({ trace_id: 'ab' });
  expect(asked).toHaveLength(1);
  expect(asked[0]?.headers).toMatchObject({ Authorization: 'Bearer secret', 'X-Scope-OrgID': 'acme' });
  await request('/api/v1/traces/ab', 'acme');
  expect(asked).toHaveLength(2);
});

test('another tenant does not get it, nor one that comes late', () => {
  vi.useFakeTimers();
  serve({ 'GET /api/v1/traces/ab': {} });
  askAhead({ pathname: '/traces/ab', search: '?tenant=acme' });
  expect(takeAsked('/api/v1/traces/ab', 'other')).toBeUndefined();
  vi.advanceTimersByTime(11_000);
  expect(takeAsked('/api/v1/traces/ab', 'acme')).toBeUndefined();
});
