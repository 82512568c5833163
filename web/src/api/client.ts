/** Requests to Traceo's own API, typed by its OpenAPI, and to the APIs of other products that it speaks. */

import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { useShell } from '../shell/state';
import { headers, type Params, readToken, takeAsked, withQuery } from './ahead';
import type { paths } from './schema';

export interface Problem {
  type: string;
  message: string;
  position?: number | null;
  hint?: string | null;
}

/** What went wrong, for a person; `status` 0: the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
  }
}

type Gets = { [P in keyof paths]: paths[P] extends { get: unknown } ? P : never }[keyof paths];
type Get<P extends Gets> = paths[P] extends { get: infer G } ? G : never;
export type Answer<P extends Gets> =
  Get<P> extends { responses: { 200: { content: { 'application/json': infer R } } } } ? R : never;
type Query<P extends Gets> = Get<P> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
type InPath<P extends Gets> = Get<P> extends { parameters: { path?: infer Q } } ? NonNullable<Q> : never;

/** Raises ApiError. `path` may have a query already. */
export async function request<T>(path: string, tenant = '', init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    const ahead = init.method === undefined ? takeAsked(path, tenant) : undefined;
    response = await (ahead ?? fetch(path, { ...init, headers: { ...headers(tenant), ...init.headers } }));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, { type: 'unreachable', message: 'Traceo does not answer. This page tries again by itself.' });
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(response.status, { type: 'broken', message: `The answer is no JSON: ${text.slice(0, 200)}` });
  }
  if (!response.ok) throw new ApiError(response.status, readProblem(body, response.status));
  return body as T;
}

/** A WebSocket of the API. It cannot have headers: token and tenant are offered as subprotocols. */
export function openSocket(path: string, tenant: string): WebSocket {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const encoded = (text: string) => encodeURIComponent(text).replace(/[()]/g, (char) => (char === '(' ? '%28' : '%29'));
  const offered = ['traceo'];
  if (readToken()) offered.push(`traceo.token.${encoded(readToken())}`);
  if (tenant) offered.push(`traceo.tenant.${encoded(tenant)}`);
  return new WebSocket(url, offered);
}

/** Traceo's own shape, Prometheus' and Loki's (`error`), Jaeger's (`errors`). */
function readProblem(body: unknown, status: number): Problem {
  const found = body as { error?: Problem | string; errorType?: string; errors?: { msg?: string }[]; message?: string };
  if (found?.error && typeof found.error === 'object') return found.error;
  const message = found?.error ?? found?.message ?? found?.errors?.[0]?.msg ?? `Traceo answered with status ${status}.`;
  return { type: found?.errorType ?? 'error', message: String(message) };
}

export function postJson<T>(path: string, body: unknown, tenant = ''): Promise<T> {
  return sendJson<T>('POST', path, body, tenant);
}

export function sendJson<T>(method: 'POST' | 'PUT', path: string, body: unknown, tenant = ''): Promise<T> {
  const init = { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  return request<T>(path, tenant, init);
}

/** 64-bit ids come as text; path values are escaped whole. */
export function fill(path: string, values: Record<string, unknown>): string {
  return path.replace(/\{(\w+)(?::path)?\}/g, (_, name) => encodeURIComponent(String(values[name])));
}

interface Options {
  enabled?: boolean;
  /** Milliseconds between two readings; the shell's, when not given. */
  every?: number | false;
}

/** An answer of Traceo's own API, read again while the page is live. */
export function useApi<P extends Gets>(
  path: P,
  asked: { query?: Query<P> | Params; path?: InPath<P> } = {},
  options: Options = {},
): UseQueryResult<Answer<P>, ApiError> {
  const url = withQuery(asked.path ? fill(path, asked.path as Record<string, unknown>) : path, asked.query as Params);
  return useUrl<Answer<P>>(url, options);
}

/** The same for any other path. What was there stays until another answer comes, also when it fails. */
export function useUrl<T>(url: string, options: Options = {}): UseQueryResult<T, ApiError> {
  const { tenant, refreshMs, turn } = useShell();
  const subject = `${tenant} ${url.split('?')[0]}`;
  const kept = useRef<{ subject: string; data: T } | null>(null);
  const before = kept.current?.subject === subject ? kept.current.data : undefined;
  const found = useQuery<T, ApiError>({
    queryKey: [tenant, url, turn],
    queryFn: ({ signal }) => request<T>(url, tenant, { signal }),
    refetchInterval: options.every ?? refreshMs,
    refetchOnWindowFocus: options.every !== false, // else a large trace is read whenever its tab is looked at
    enabled: options.enabled ?? true,
    placeholderData: before as never,
  });
  if (found.data !== undefined) kept.current = { subject, data: found.data };
  if (found.data !== undefined || !found.error || before === undefined) return found;
  return { ...found, data: before } as UseQueryResult<T, ApiError>;
}
