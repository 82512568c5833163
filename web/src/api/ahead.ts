/** What a page reads first, asked for while the rest of the UI is still being loaded. Small: nothing of React comes with it. */

import { apiTime, type Range, readRange } from '../lib/time';

const TOKEN = 'traceo-token';
/** An answer that nobody took by then is of another time. */
const FRESH_MS = 10_000;

const asked = new Map<string, { atMs: number; answer: Promise<Response> }>();

export function readToken(): string {
  return sessionStorage.getItem(TOKEN) ?? '';
}

export function writeToken(token: string): void {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

export type Params = Record<string, string | number | boolean | undefined | null | readonly string[]>;

export function withQuery(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === '') continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function headers(tenant: string): Record<string, string> {
  const token = readToken();
  return {
    Accept: 'application/json',
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(tenant ? { 'X-Scope-OrgID': tenant } : {}),
  };
}

/** A range as Traceo's API takes it. */
export function apiRange({ from, to }: Range): { start: string; end: string } {
  return { start: apiTime(from), end: apiTime(to) };
}

/** The whole catalogue of a range, as its pages ask for it. */
export function catalogQuery(range: { start: string; end: string }, search = '') {
  return { ...range, search, limit: 10_000 };
}

/** The services that the overview shows, the worst first; the answer sums up all others. */
export function worstQuery(range: { start: string; end: string }) {
  return { ...range, sort: 'health', limit: 12 };
}

/** What the page of a URL reads first; null where that depends on more than the URL. */
export function firstOf(pathname: string, search: URLSearchParams): string | null {
  const trace = /^\/traces\/([0-9a-fA-F]+)$/.exec(pathname);
  if (trace) return `/api/v1/traces/${trace[1]}`;
  const range = apiRange(readRange(search.get('from') ?? undefined, search.get('to') ?? undefined));
  if (pathname === '/') return withQuery('/api/v1/catalog', worstQuery(range));
  if (pathname === '/services') return withQuery('/api/v1/catalog', catalogQuery(range, search.get('find') ?? ''));
  return null;
}

export function askAhead({ pathname, search }: { pathname: string; search: string }): void {
  const params = new URLSearchParams(search);
  const [url, tenant] = [firstOf(pathname, params), params.get('tenant') ?? ''];
  if (url === null) return;
  const answer = fetch(url, { headers: headers(tenant) });
  answer.catch(() => undefined); // told by the page, if it still wants it
  asked.set(`${tenant} ${url}`, { atMs: performance.now(), answer });
}

/** What was asked for already; for one that asks, once. */
export function takeAsked(url: string, tenant: string): Promise<Response> | undefined {
  const key = `${tenant} ${url}`;
  const found = asked.get(key);
  asked.delete(key);
  return found && performance.now() - found.atMs < FRESH_MS ? found.answer : undefined;
}
