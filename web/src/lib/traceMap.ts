/** The services of one trace and who called whom. */

import type { Row } from './trace';

export interface MapNode {
  service: string;
  /** From the left: how far from the root it is called. */
  column: number;
  row: number;
  spans: number;
  errors: number;
  selfNs: number;
}

export interface MapEdge {
  from: string;
  to: string;
  calls: number;
  errors: number;
  totalNs: number;
}

export interface TraceMap {
  nodes: MapNode[];
  edges: MapEdge[];
  columns: number;
  rows: number;
}

/** A service stands where it is first called; those of a column by time of their own, most first. */
export function mapTrace(rows: readonly Row[]): TraceMap {
  const nodes = new Map<string, MapNode>();
  const edges = new Map<string, MapEdge>();
  const open: { service: string; column: number }[] = [];
  for (const { span, depth, selfNs } of rows) {
    open.length = depth;
    const above = open[depth - 1];
    const column = above ? above.column + (above.service === span.service ? 0 : 1) : 0;
    const failed = span.status === 'error' ? 1 : 0;
    open.push({ service: span.service, column });
    const node = nodes.get(span.service) ?? { service: span.service, column, row: 0, spans: 0, errors: 0, selfNs: 0 };
    node.column = Math.min(node.column, column);
    node.spans += 1;
    node.errors += failed;
    node.selfNs += selfNs;
    nodes.set(span.service, node);
    if (!above || above.service === span.service) continue;
    const key = `${above.service}\n${span.service}`;
    const edge = edges.get(key) ?? { from: above.service, to: span.service, calls: 0, errors: 0, totalNs: 0 };
    edge.calls += 1;
    edge.errors += failed;
    edge.totalNs += span.duration_ns;
    edges.set(key, edge);
  }
  const placed = [...nodes.values()].sort((a, b) => a.column - b.column || b.selfNs - a.selfNs);
  const filled: number[] = [];
  for (const node of placed) {
    node.row = filled[node.column] ?? 0;
    filled[node.column] = node.row + 1;
  }
  const [columns, most] = [filled.length, Math.max(0, ...filled.map((count) => count ?? 0))];
  return { nodes: placed, edges: [...edges.values()].sort((a, b) => b.totalNs - a.totalNs), columns, rows: most };
}
