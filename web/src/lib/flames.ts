/** A flame graph: calls of the same path together, as wide as the time that was spent in them. */

import type { Row } from './trace';

export interface Flame {
  id: number;
  service: string;
  name: string;
  depth: number;
  spans: number;
  errors: number;
  /** Of its own, without what it calls. */
  selfNs: number;
  /** With what it calls; work that ran at the same time counts each time. */
  valueNs: number;
  /** Where it begins, in nanoseconds from the left. */
  fromNs: number;
  /** The longest of its spans: the one to look at. */
  spanId: string;
  longestNs: number;
  parent: Flame | null;
  children: Flame[];
}

/** Roots, widest first at every level; siblings lie beside each other and never overlap. */
export function flames(rows: readonly Row[]): Flame[] {
  const roots: Flame[] = [];
  const byPath = new Map<string, Flame>();
  const open: Flame[] = [];
  for (const { span, depth, selfNs } of rows) {
    open.length = depth;
    const above = open[depth - 1];
    const key = `${above?.id ?? ''}\t${span.service}\t${span.name}`;
    let flame = byPath.get(key);
    if (!flame) {
      flame = {
        ...{
          id: byPath.size,
          service: span.service,
          name: span.name,
          depth,
          spans: 0,
          errors: 0,
          selfNs: 0,
          valueNs: 0,
        },
        ...{ fromNs: 0, spanId: span.span_id, longestNs: -1, parent: above ?? null, children: [] },
      };
      byPath.set(key, flame);
      (above?.children ?? roots).push(flame);
    }
    flame.spans += 1;
    flame.errors += span.status === 'error' ? 1 : 0;
    flame.selfNs += Math.max(0, selfNs);
    if (span.duration_ns > flame.longestNs) [flame.spanId, flame.longestNs] = [span.span_id, span.duration_ns];
    open[depth] = flame;
  }
  // Parents were made before their children.
  const all = [...byPath.values()];
  for (const flame of all.reverse()) {
    flame.valueNs = flame.selfNs + flame.children.reduce((sum, child) => sum + child.valueNs, 0);
    flame.children.sort((a, b) => b.valueNs - a.valueNs);
  }
  roots.sort((a, b) => b.valueNs - a.valueNs);
  place(roots, 0);
  for (const flame of all.reverse()) place(flame.children, flame.fromNs);
  return roots;
}

function place(siblings: Flame[], fromNs: number): void {
  let at = fromNs;
  for (const flame of siblings) {
    flame.fromNs = at;
    at += flame.valueNs;
  }
}

/** Those of at least a width, at most so many, parents first. */
export function wideFlames(roots: readonly Flame[], leastNs: number, most: number): Flame[] {
  const found: Flame[] = [];
  let level = roots.filter(({ valueNs }) => valueNs >= leastNs);
  while (level.length > 0 && found.length < most) {
    found.push(...level);
    level = level.flatMap(({ children }) => children.filter(({ valueNs }) => valueNs >= leastNs));
  }
  return found.slice(0, most);
}

/** Where an arrow leads among those that are shown: to the caller, to its widest call, along the level; or nowhere. */
export function step(shown: readonly Flame[], from: Flame, key: string): Flame | undefined {
  if (key === 'ArrowUp') return from.parent ?? undefined;
  if (key === 'ArrowDown') return from.children.find((child) => shown.includes(child));
  const level = shown.filter(({ depth }) => depth === from.depth);
  return level[level.indexOf(from) + (key === 'ArrowRight' ? 1 : -1)];
}
