/** A trace's spans as a tree, whatever is missing or wrong in it. */

import type { Answer } from '../api/client';

export type TraceAnswer = Answer<'/api/v1/traces/{trace_id}'>;
export type Span = TraceAnswer['spans'][number];

export interface Row {
  span: Span;
  depth: number;
  children: number;
  /** Time of its own: not covered by children. */
  selfNs: number;
  /** Its parent is named, and was not found. */
  orphan: boolean;
}

/** Every span once, parents before children, children by start. Spans of a cycle hang under the one that starts first. */
export function arrange(spans: readonly Span[]): Row[] {
  const byId = new Map<string, number>();
  spans.forEach((span, place) => {
    if (!byId.has(span.span_id)) byId.set(span.span_id, place);
  });
  const children: number[][] = spans.map(() => []);
  const roots: number[] = [];
  const orphans = new Set<number>();
  spans.forEach((span, place) => {
    const parent = span.parent_span_id === null ? undefined : byId.get(span.parent_span_id);
    if (parent === undefined || parent === place) {
      roots.push(place);
      if (span.parent_span_id !== null) orphans.add(place);
    } else {
      children[parent]?.push(place);
    }
  });
  const byStart = (a: number, b: number) => startOf(spans, a) - startOf(spans, b);
  for (const list of children) list.sort(byStart);
  roots.sort(byStart);
  const rows: Row[] = [];
  const seen = new Uint8Array(spans.length);
  const walk = (from: number) => {
    const stack: [number, number][] = [[from, 0]];
    while (stack.length > 0) {
      const [place, depth] = stack.pop() as [number, number];
      const span = spans[place];
      if (seen[place] || !span) continue;
      seen[place] = 1;
      const below = children[place] ?? [];
      rows.push({
        span,
        depth,
        children: below.length,
        selfNs: selfTime(
          span,
          below.map((child) => spans[child] as Span),
        ),
        orphan: orphans.has(place),
      });
      for (let child = below.length - 1; child >= 0; child -= 1) stack.push([below[child] as number, depth + 1]);
    }
  };
  roots.forEach(walk);
  for (let place = 0; place < spans.length; place += 1) if (!seen[place]) walk(place);
  return rows;
}

function startOf(spans: readonly Span[], place: number): number {
  return spans[place]?.start_time_ns ?? 0;
}

/** A span's duration without the time in which any child runs; children may overlap and outlast it. */
export function selfTime(span: Span, children: readonly Span[]): number {
  const end = span.start_time_ns + span.duration_ns;
  let covered = 0;
  let until = span.start_time_ns;
  for (const child of children) {
    const from = Math.max(child.start_time_ns, until);
    const to = Math.min(child.start_time_ns + child.duration_ns, end);
    if (to > from) {
      covered += to - from;
      until = to;
    }
  }
  return Math.max(0, span.duration_ns - covered);
}

/** Rows without what lies under those that are folded. */
export function visible(rows: readonly Row[], folded: ReadonlySet<string>): Row[] {
  const shown: Row[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (row.depth > hiddenBelow) continue;
    hiddenBelow = folded.has(row.span.span_id) ? row.depth : Number.POSITIVE_INFINITY;
    shown.push(row);
  }
  return shown;
}

export function bounds(spans: readonly Span[]): { startNs: number; endNs: number } {
  let [startNs, endNs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const span of spans) {
    startNs = Math.min(startNs, span.start_time_ns);
    endNs = Math.max(endNs, span.start_time_ns + Math.max(0, span.duration_ns));
  }
  return Number.isFinite(startNs) ? { startNs, endNs: Math.max(endNs, startNs + 1) } : { startNs: 0, endNs: 1 };
}

export interface Sums {
  service: string;
  operation: string;
  spans: number;
  errors: number;
  totalNs: number;
  selfNs: number;
}

/** By service and operation, most time of their own first. */
export function statistics(rows: readonly Row[]): Sums[] {
  const found = new Map<string, Sums>();
  for (const { span, selfNs } of rows) {
    const key = `${span.service}\n${span.name}`;
    const sums = found.get(key) ?? {
      service: span.service,
      operation: span.name,
      spans: 0,
      errors: 0,
      totalNs: 0,
      selfNs: 0,
    };
    sums.spans += 1;
    sums.errors += span.status === 'error' ? 1 : 0;
    sums.totalNs += span.duration_ns;
    sums.selfNs += selfNs;
    found.set(key, sums);
  }
  return [...found.values()].sort((a, b) => b.selfNs - a.selfNs);
}
