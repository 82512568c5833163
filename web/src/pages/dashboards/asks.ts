/** Queries as requests, and their answers: one request for each different query, however many panels have it. */

import { useQueries } from '@tanstack/react-query';
import { withQuery } from '../../api/ahead';
import { ApiError, postJson, request } from '../../api/client';
import type { Grid } from '../../lib/matrix';
import { useShell } from '../../shell/state';
import type { Kind, PanelQuery, PanelSpec } from './model';
import { bind, fillQuery, type Times, type Values } from './variables';

export interface Ask {
  path: string;
  /** A POST of this as JSON; without it, a GET. */
  body?: unknown;
}

const KEPT_MS = 60_000;

/** What a query asks for a panel of a kind. */
export function askOf(
  query: PanelQuery,
  panel: Pick<PanelSpec, 'kind' | 'limit' | 'reduce'>,
  values: Values,
  times: Times,
  grid: Grid,
): Ask {
  const text = fillQuery(query.text, query.language, values, times);
  if (query.language === 'sql')
    return { path: '/api/v1/sql', body: { query: text, params: bind(text, values, times) } };
  if (query.language === 'traceql') {
    const range = { start: Math.floor(grid.start), end: Math.ceil(grid.end) };
    if (panel.kind === 'traces')
      return { path: withQuery('/tempo/api/search', { q: text, limit: panel.limit, ...range }) };
    return { path: withQuery('/tempo/api/metrics/query_range', { q: text, ...range, step: `${grid.step}s` }) };
  }
  if (panel.kind === 'logs') {
    const range = { start: `${times.startMs}000000`, end: `${times.endMs}000000` };
    return {
      path: withQuery('/loki/api/v1/query_range', { query: text, limit: panel.limit, ...range, direction: 'backward' }),
    };
  }
  if (query.language === 'promql' && wantsNow(panel.kind) && panel.reduce === 'last')
    return { path: withQuery('/prometheus/api/v1/query', { query: text, time: grid.end }) };
  const api = query.language === 'promql' ? '/prometheus/api/v1' : '/loki/api/v1';
  return { path: withQuery(`${api}/query_range`, { query: text, ...grid }) };
}

function wantsNow(kind: Kind): boolean {
  return kind === 'table' || kind === 'bar';
}

export interface Answers {
  data: unknown[] | undefined;
  error: ApiError | null;
  /** Of the query that failed. */
  failed: number;
  busy: boolean;
  again: () => void;
}

/** What was there stays until all of the next answers are there. */
export function useAnswers(asks: Ask[], enabled = true): Answers {
  const { tenant, turn } = useShell();
  const found = useQueries({
    queries: asks.map(({ path, body }) => ({
      queryKey: [tenant, path, body ?? null, turn],
      queryFn: ({ signal }: { signal: AbortSignal }): Promise<unknown> =>
        body === undefined ? request(path, tenant, { signal }) : postJson(path, body, tenant),
      placeholderData: (before: unknown) => before,
      gcTime: KEPT_MS,
      enabled,
    })),
  });
  const failed = found.findIndex(({ error }) => error !== null);
  const error = found[failed]?.error;
  return {
    data: found.every(({ data }) => data !== undefined) ? found.map(({ data }) => data) : undefined,
    error: error instanceof ApiError ? error : null,
    failed,
    busy: enabled && found.some(({ data, fetchStatus }) => data === undefined && fetchStatus === 'fetching'),
    again: () => {
      for (const each of found) if (each.error) void each.refetch();
    },
  };
}
