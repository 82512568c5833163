/** Two traces side by side: which calls only one has, and which took longer. */

import { arrange, type Span } from './trace';

export interface Pair {
  key: string;
  depth: number;
  service: string;
  name: string;
  /** Of the first trace and of the second; null: that one has no such call. */
  a: Span | null;
  b: Span | null;
}

interface Node {
  span: Span;
  children: Node[];
}

/** Spans as trees; what `arrange` orders stays in its order. */
function trees(spans: readonly Span[]): Node[] {
  const roots: Node[] = [];
  const open: Node[] = [];
  for (const { span, depth } of arrange(spans)) {
    const node: Node = { span, children: [] };
    open.length = depth;
    (open[depth - 1]?.children ?? roots).push(node);
    open.push(node);
  }
  return roots;
}

function nameOf({ service, name, kind }: Span): string {
  return `${service}\t${name}\t${kind}`;
}

/**
 * Calls of one name under the same parent are paired in order of their start: the first with the first. What is left
 * over on one side was added or is missing, with all below it.
 */
export function comparePairs(a: readonly Span[], b: readonly Span[]): Pair[] {
  const pairs: Pair[] = [];
  const todo = match(trees(a), trees(b), 0).reverse();
  while (todo.length > 0) {
    const { one, other, depth } = todo.pop() as Matched;
    const span = (one ?? other)?.span as Span;
    pairs.push({
      ...{ key: String(pairs.length), depth, service: span.service, name: span.name },
      ...{ a: one?.span ?? null, b: other?.span ?? null },
    });
    todo.push(...match(one?.children ?? [], other?.children ?? [], depth + 1).reverse());
  }
  return pairs;
}

interface Matched {
  one: Node | null;
  other: Node | null;
  depth: number;
}

function match(left: Node[], right: Node[], depth: number): Matched[] {
  const waiting = new Map<string, Node[]>();
  for (const node of right) {
    const name = nameOf(node.span);
    const same = waiting.get(name);
    if (same) same.push(node);
    else waiting.set(name, [node]);
  }
  // Turned round, so that taking the first is cheap.
  for (const same of waiting.values()) same.reverse();
  const matched = left.map((one) => ({ one, other: waiting.get(nameOf(one.span))?.pop() ?? null, depth }));
  const added = [...waiting.values()].flatMap((same) => same.reverse().map((other) => ({ one: null, other, depth })));
  return [...matched, ...added];
}

export type Change = 'added' | 'missing' | 'slower' | 'faster' | 'same';

const NOTICEABLE_SHARE = 0.2;
const NOTICEABLE_NS = 1e6;

/** Slower and faster: by a fifth and by a millisecond at least. */
export function changeOf({ a, b }: Pair): Change {
  if (!a) return 'added';
  if (!b) return 'missing';
  const difference = b.duration_ns - a.duration_ns;
  const noticeable =
    Math.abs(difference) >= NOTICEABLE_NS && Math.abs(difference) >= NOTICEABLE_SHARE * Math.max(a.duration_ns, 1);
  return noticeable ? (difference > 0 ? 'slower' : 'faster') : 'same';
}
