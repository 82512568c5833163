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
  const order = byStart(spans);
  const tree = link(spans, order);
  const rows: Row[] = [];
  const seen = new Uint8Array(spans.length);
  const depths = new Uint32Array(spans.length);
  const stack: number[] = [];
  const walk = (from: number, siblings: boolean) => {
    stack.push(from);
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      const [depth, sibling, child] = [
        depths[place] as number,
        tree.next[place] as number,
        tree.first[place] as number,
      ];
      if (sibling !== NONE && (siblings || seen[place] || place !== from)) {
        depths[sibling] = depth;
        stack.push(sibling);
      }
      if (seen[place]) continue;
      seen[place] = 1;
      rows.push(rowOf(spans, tree, place, depth));
      if (child === NONE) continue;
      depths[child] = depth + 1;
      stack.push(child);
    }
  };
  const root = tree.first[spans.length] as number;
  if (root !== NONE) walk(root, true);
  for (const place of order) {
    if (seen[place]) continue;
    depths[place] = 0;
    walk(place, false);
  }
  return rows;
}

const NONE = -1;

/** Children as lists within arrays, by start: `first` of a place, then `next` of each. Roots hang under the place after the last. */
interface Tree {
  first: Int32Array;
  next: Int32Array;
  orphan: Uint8Array;
}

function link(spans: readonly Span[], order: Uint32Array): Tree {
  const byId = new Map<string, number>();
  spans.forEach(({ span_id }, place) => {
    if (!byId.has(span_id)) byId.set(span_id, place);
  });
  const first = new Int32Array(spans.length + 1).fill(NONE);
  const next = new Int32Array(spans.length).fill(NONE);
  const orphan = new Uint8Array(spans.length);
  // The last is put in first: each stands before those that start later.
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const place = order[at] as number;
    const parentId = (spans[place] as Span).parent_span_id;
    const found = parentId === null ? undefined : byId.get(parentId);
    const isRoot = found === undefined || found === place;
    if (isRoot && parentId !== null) orphan[place] = 1;
    const parent = isRoot ? spans.length : found;
    next[place] = first[parent] as number;
    first[parent] = place;
  }
  return { first, next, orphan };
}

/** Places by start of their spans; an answer of the API is in this order already. */
function byStart(spans: readonly Span[]): Uint32Array {
  const order = Uint32Array.from(spans.keys());
  const startOf = (place: number) => (spans[place] as Span).start_time_ns;
  const isSorted = order.every((place) => place === 0 || startOf(place - 1) <= startOf(place));
  return isSorted ? order : order.sort((a, b) => startOf(a) - startOf(b) || a - b);
}

/** Its time of its own is without the time in which any child runs; children may overlap and outlast it. */
function rowOf(spans: readonly Span[], { first, next, orphan }: Tree, place: number, depth: number): Row {
  const span = spans[place] as Span;
  const end = span.start_time_ns + span.duration_ns;
  let [children, covered, until] = [0, 0, span.start_time_ns];
  for (let child = first[place] as number; child !== NONE; child = next[child] as number) {
    const { start_time_ns: start, duration_ns } = spans[child] as Span;
    const from = Math.max(start, until);
    const to = Math.min(start + duration_ns, end);
    children += 1;
    if (to <= from) continue;
    covered += to - from;
    until = to;
  }
  return { span, depth, children, selfNs: Math.max(0, span.duration_ns - covered), orphan: orphan[place] === 1 };
}

/** Rows without what lies under those that are folded. */
export function visible(rows: readonly Row[], folded: ReadonlySet<string>): readonly Row[] {
  if (folded.size === 0) return rows;
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
