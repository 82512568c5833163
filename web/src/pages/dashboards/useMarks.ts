import { useMemo } from 'react';
import { withQuery } from '../../api/ahead';
import { fill } from '../../api/client';
import type { Grid } from '../../lib/matrix';
import { type Streams, toLines } from '../logs/lines';
import { seriesOf, timesOf } from './answers';
import { type Ask, useAnswers } from './asks';
import type { Annotation } from './model';
import { fillQuery, fillText, type Times, type Values } from './variables';

const MOST = 100;

export interface Mark {
  timeS: number;
  text: string;
}

/** The moments that a dashboard's annotations mark. One that cannot be asked marks nothing: the panels matter more. */
export function useMarks(
  annotations: Annotation[],
  values: Values,
  times: Times,
  grid: Grid,
  enabled: boolean,
): Mark[] {
  const shown = useMemo(() => annotations.filter(({ shown: wanted }) => wanted), [annotations]);
  const asks = shown.map((annotation) => askMarks(annotation, values, times, grid));
  const { data } = useAnswers(asks, enabled);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the answers are new when one of them is
  return useMemo(() => {
    const found = data?.flatMap((answer, at) => (shown[at] ? marksOf(shown[at], answer, grid) : [])) ?? [];
    return found.slice(0, MOST);
  }, [...(data ?? []), shown, grid]);
}

function askMarks({ kind, query }: Annotation, values: Values, times: Times, grid: Grid): Ask {
  if (kind === 'deploys') {
    const path = fill('/api/v1/catalog/{service}', { service: fillText(query, values) });
    return { path: withQuery(path, { start: grid.start, end: grid.end }) };
  }
  if (kind === 'promql')
    return {
      path: withQuery('/prometheus/api/v1/query_range', { query: fillQuery(query, kind, values, times), ...grid }),
    };
  const range = { start: `${times.startMs}000000`, end: `${times.endMs}000000`, limit: MOST };
  return { path: withQuery('/loki/api/v1/query_range', { query: fillQuery(query, kind, values, times), ...range }) };
}

export function marksOf({ kind, name, query }: Annotation, answer: unknown, grid: Grid): Mark[] {
  if (kind === 'deploys') {
    const { deploys } = answer as { deploys: { time: number; to_version: string }[] };
    return deploys.map(({ time, to_version }) => ({ timeS: time, text: `▼ ${to_version}` }));
  }
  if (kind === 'logql') {
    const streams = answer as Streams;
    return toLines(streams).map(({ timeMs, text }) => ({ timeS: timeMs / 1000, text: text || name }));
  }
  // Where a value is, and none was a step before.
  const at = timesOf(grid);
  return seriesOf(answer, { language: 'promql', text: query, legend: '' }, grid).flatMap(({ values }) =>
    values.flatMap((value, place) =>
      value !== null && (place === 0 || values[place - 1] === null) ? [{ timeS: at[place] ?? 0, text: name }] : [],
    ),
  );
}
