/** Where nodes of the map stand: callers left of what they call, in columns; related nodes near to each other. */

import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum,
} from 'd3-force';

export interface Ends {
  source: string;
  target: string;
}

export interface Place {
  id: string;
  x: number;
  y: number;
}

const COLUMN = 230;
/** Small maps are moved until they rest; of large ones each step takes long, and the first show most. */
const [MOST_TICKS, LEAST_TICKS, MOVES] = [300, 100, 60_000];
/** What is left of the heat after the last step. */
const COLD = 0.001;

/** How many calls away from where requests enter; cycles end the walk. */
export function depths(ids: string[], edges: Ends[]): Map<string, number> {
  const called = new Set(edges.filter(({ source, target }) => source !== target).map(({ target }) => target));
  const out = new Map<string, string[]>();
  for (const { source, target } of edges) out.set(source, [...(out.get(source) ?? []), target]);
  const found = new Map<string, number>();
  let front = ids.filter((id) => !called.has(id));
  if (front.length === 0 && ids[0] !== undefined) front = [ids[0]];
  for (let depth = 0; front.length > 0; depth += 1) {
    const next = new Set<string>();
    for (const id of front) {
      if (found.has(id)) continue;
      found.set(id, depth);
      for (const target of out.get(id) ?? []) next.add(target);
    }
    front = [...next];
    const missed = front.length === 0 ? ids.find((id) => !found.has(id)) : undefined;
    if (missed !== undefined) front = [missed];
  }
  return found;
}

/** Callers before what they call, and all that one of them leads to together: neighbours on the map cross less. */
function inOrderOfCalls(ids: string[], edges: Ends[], depth: Map<string, number>): string[] {
  const out = new Map<string, string[]>();
  for (const { source, target } of edges) out.set(source, [...(out.get(source) ?? []), target]);
  const found = new Set<string>();
  const waiting = [...ids].sort((a, b) => (depth.get(b) ?? 0) - (depth.get(a) ?? 0) || (a < b ? 1 : -1));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    waiting.push(...(out.get(id) ?? []).sort().reverse());
  }
  return [...found];
}

export function layOut(ids: string[], edges: Ends[]): Place[] {
  const known = new Set(ids);
  const links = edges
    .filter(({ source, target }) => known.has(source) && known.has(target))
    .map((edge) => ({ ...edge }));
  const depth = depths(ids, links);
  // A map of many nodes has broad columns, else it would be much higher than wide.
  const breadth = Math.max(1, Math.sqrt(ids.length / (12 * (Math.max(0, ...depth.values()) + 1))));
  const column = COLUMN * breadth;
  const ticks = Math.round(Math.min(MOST_TICKS, Math.max(LEAST_TICKS, MOVES / ids.length)));
  const height = Math.max(300, Math.sqrt(ids.length) * 110);
  // Begun from the names, so that the same map looks the same each time.
  const nodes: (SimulationNodeDatum & { id: string })[] = inOrderOfCalls(ids, links, depth).map((id, place) => ({
    id,
    x: ((depth.get(id) ?? 0) + (breadth > 1 ? (place * 0.618) % 1 : 0)) * column,
    y: ((place + 0.5) / ids.length - 0.5) * height,
  }));
  forceSimulation(nodes)
    .force(
      'x',
      forceX<SimulationNodeDatum & { id: string }>((node) => (depth.get(node.id) ?? 0) * column).strength(
        0.9 / breadth ** 2,
      ),
    )
    .force('y', forceY(0).strength(0.03))
    .force(
      'links',
      forceLink<SimulationNodeDatum & { id: string }, (typeof links)[number]>(links)
        .id(({ id }) => id)
        .distance(COLUMN)
        .strength(0.08),
    )
    .force('charge', forceManyBody().strength(-260).distanceMax(600))
    .force('apart', forceCollide(44))
    .alphaDecay(1 - COLD ** (1 / ticks))
    .stop()
    .tick(ticks);
  return nodes.map(({ id, x = 0, y = 0 }) => ({ id, x, y }));
}
