/** How nodes and calls look, on SVG and on canvas alike. */

import type { MapAnswer } from './MapPage';

export type Node = MapAnswer['nodes'][number];
export type Edge = MapAnswer['edges'][number];

export interface Point {
  x: number;
  y: number;
}

/** The variable of a health's colour. */
export const COLORS: Record<string, string> = {
  healthy: '--good',
  degraded: '--warn',
  failing: '--bad',
  idle: '--quiet',
};
export const SHAPES: Record<string, string> = {
  service: 'M-14,0a14,14 0 1,0 28,0a14,14 0 1,0 -28,0',
  database: 'M-13,-9a13,5 0 1,1 26,0v18a13,5 0 1,1 -26,0z',
  queue: 'M-15,-9h30v18h-30z',
  external: 'M0,-16L15,0L0,16L-15,0z',
  user: 'M-10,12a10,12 0 0,1 20,0zM0,-3a6,6 0 1,1 0.01,0z',
  group: 'M-17,-9a5,5 0 0,1 5,-5h24a5,5 0 0,1 5,5v18a5,5 0 0,1 -5,5h-24a5,5 0 0,1 -5,-5zM-12,-17h24',
};
const LONGEST_LABEL = 26;
const LATER = new Set(['messaging', 'publish', 'consume']);

export function edgeKey({ source, target, kind }: { source: string; target: string; kind: string }): string {
  return `${source} ${target} ${kind}`;
}

/** The name as it is written below a node. */
export function labelOf({ type, name, members }: Node): string {
  const whole = type === 'group' ? `${name || '(none)'} · ${members.length}` : name;
  return whole.length > LONGEST_LABEL ? `${whole.slice(0, LONGEST_LABEL - 1)}…` : whole;
}

/** What answers later than the call is dashed. */
export function isDashed(edge: Edge): boolean {
  return LATER.has(edge.kind);
}

/** Wider the more calls there are; narrower where there are many lines. */
export function widthsOf({ edges }: MapAnswer): (edge: Edge) => number {
  const busiest = Math.max(...edges.map(({ rate_per_s }) => rate_per_s), 1e-9);
  const widest = 4 * Math.min(1, 15 / edges.length);
  return ({ rate_per_s }) => 1 + widest * Math.sqrt(rate_per_s / busiest);
}

/** The call's line as a path, with a bend by which there and back are told apart. */
export function curve(from: Point, to: Point, itself: boolean): string {
  if (itself) return `M${from.x - 8},${from.y - 14}c-20,-40 36,-40 16,0`;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const [x1, y1, x2, y2] = [from.x + ux * 17, from.y + uy * 17, to.x - ux * 19, to.y - uy * 19];
  const bend = dx < 0 ? 0.22 : 0.06;
  const [mx, my] = [(x1 + x2) / 2 - dy * bend, (y1 + y2) / 2 + dx * bend];
  return `M${x1.toFixed(1)},${y1.toFixed(1)}Q${mx.toFixed(1)},${my.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`;
}

/** The node and those that it has calls with; null: nothing was chosen. */
export function neighbours(map: MapAnswer, chosen: string | null): Set<string> | null {
  if (chosen === null) return null;
  const found = new Set([chosen]);
  for (const { source, target } of map.edges) {
    if (source === chosen) found.add(target);
    if (target === chosen) found.add(source);
  }
  return found;
}

const ARROWS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The nearest node in the direction of an arrow key, for those who walk the map by keyboard. */
export function nextInDirection(places: Map<string, Point>, from: string, key: string): string | null {
  const at = places.get(from);
  const arrow = ARROWS[key];
  if (!at || !arrow) return null;
  let [best, least] = [null as string | null, Number.POSITIVE_INFINITY];
  for (const [id, place] of places) {
    const [dx, dy] = [place.x - at.x, place.y - at.y];
    const along = dx * arrow.x + dy * arrow.y;
    const aside = Math.abs(dx * arrow.y + dy * arrow.x);
    const cost = along + 2 * aside;
    if (id !== from && along > 1 && aside <= 2 * along && cost < least) [best, least] = [id, cost];
  }
  return best;
}
