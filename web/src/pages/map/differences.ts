/** What differs between two times, as the map and its table show it. */

import type { Answer } from '../../api/client';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { type Edge, edgeKey, type Node } from './looks';
import type { MapAnswer } from './MapPage';

type Diff = Answer<'/api/v1/map/diff'>;
type Change = Diff['edges']['changed'][number]['changes'][number];
export type Kind = 'new' | 'gone' | 'errors' | 'slower' | 'better' | 'traffic';

export interface Difference {
  kind: Kind;
  words: string;
}

export interface Differences {
  nodes: Map<string, Difference>;
  edges: Map<string, Difference>;
}

/** A sign for each, so that it is not by colour alone; worst first. */
export const KINDS: Record<Kind, { sign: string; color: string; text: string }> = {
  errors: { sign: '!', color: '--bad', text: 'more errors' },
  slower: { sign: '↓', color: '--warn', text: 'slower' },
  gone: { sign: '−', color: '--quiet', text: 'gone' },
  new: { sign: '+', color: '--accent', text: 'new' },
  traffic: { sign: '±', color: '--ink', text: 'more or fewer requests' },
  better: { sign: '↑', color: '--good', text: 'better' },
};

export function readDifferences(diff: Diff): Differences {
  return {
    nodes: fold(diff.nodes, ({ id }) => id),
    edges: fold(diff.edges, edgeKey),
  };
}

interface Part<T> {
  new: T[];
  gone: T[];
  changed: { after: T; changes: Change[] }[];
}

function fold<T>(part: Part<T>, key: (row: T) => string): Map<string, Difference> {
  const found = new Map<string, Difference>();
  for (const row of part.new) found.set(key(row), { kind: 'new', words: 'new' });
  for (const row of part.gone) found.set(key(row), { kind: 'gone', words: 'gone' });
  for (const { after, changes } of part.changed)
    found.set(key(after), { kind: worstOf(changes), words: changes.map(tell).join(', ') });
  return found;
}

function worstOf(changes: Change[]): Kind {
  const grew = (figure: string) => changes.some((each) => each.figure === figure && each.after > each.before);
  if (grew('error_ratio')) return 'errors';
  if (grew('p95_ms')) return 'slower';
  return changes.every(({ figure }) => figure === 'rate_per_s') ? 'traffic' : 'better';
}

function tell({ figure, before, after }: Change): string {
  if (figure === 'error_ratio') return `errors ${formatShare(before)} → ${formatShare(after)}`;
  if (figure === 'p95_ms') return `p95 ${formatMs(before)} → ${formatMs(after)}`;
  return `${formatRate(before)} → ${formatRate(after)}`;
}

/** The map with what is gone drawn back in, where both of its ends, or the node itself, belong to what is shown. */
export function withGone(map: MapAnswer, diff: Diff, whole: boolean): MapAnswer {
  const shown = new Set(map.nodes.map(({ id }) => id));
  const touched = new Set(
    diff.edges.gone.filter(({ source, target }) => shown.has(source) || shown.has(target)).flatMap(ends),
  );
  const nodes: Node[] = diff.nodes.gone.filter(({ id }) => whole || touched.has(id));
  for (const { id } of nodes) shown.add(id);
  const edges: Edge[] = diff.edges.gone.filter((edge) => ends(edge).every((id) => shown.has(id)));
  return { ...map, nodes: [...map.nodes, ...nodes], edges: [...map.edges, ...edges] };
}

function ends({ source, target }: Edge): string[] {
  return [source, target];
}
