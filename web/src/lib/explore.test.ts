import { expect, test } from 'vitest';
import { changeOf, comparePairs } from './compare';
import { flames, step, wideFlames } from './flames';
import { arrange, type Span } from './trace';
import { mapTrace } from './traceMap';

const MS = 1e6;

function span(id: string, parent: string | null, service: string, name: string, startMs: number, ms: number): Span {
  return {
    ...{ span_id: id, parent_span_id: parent, service, name, kind: 'server', status: 'unset', status_message: '' },
    ...{ start_time_ns: startMs * MS, duration_ns: ms * MS, attributes: {}, events: [], links: [] },
    ...{ resource_id: '1', scope_id: '1', trace_state: '' },
  } as unknown as Span;
}

/** Two calls of `b` at the same time, one of which asks `c`. */
const TRACE = [
  span('1', null, 'a', 'root', 0, 100),
  span('2', '1', 'b', 'call', 10, 50),
  span('3', '1', 'b', 'call', 20, 60),
  span('4', '2', 'c', 'query', 15, 10),
];

test('calls of one path are one flame, as wide as their time', () => {
  const [root] = flames(arrange(TRACE));
  const [call] = root?.children ?? [];
  expect(call).toMatchObject({ spans: 2, spanId: '3', valueNs: 110 * MS, selfNs: 100 * MS });
  expect(root?.valueNs).toBe((30 + 110) * MS);
});

test('arrows walk flames: up to the caller, down to the widest call, along a level, and nowhere beyond', () => {
  const all = wideFlames(flames(arrange([...TRACE, span('5', '1', 'd', 'late', 90, 30)])), 0, 100);
  const walk = (from: string, key: string) => {
    const found = all.find(({ name }) => name === from);
    return found && step(all, found, `Arrow${key}`)?.name;
  };
  expect([walk('root', 'Down'), walk('call', 'Right'), walk('late', 'Left')]).toEqual(['call', 'late', 'call']);
  expect([walk('query', 'Up'), walk('call', 'Down')]).toEqual(['call', 'query']);
  const ends = [walk('root', 'Up'), walk('query', 'Down'), walk('late', 'Right'), walk('call', 'Left')];
  expect(ends).toEqual([undefined, undefined, undefined, undefined]);
});

test('no flame overlaps a sibling, and each lies within its parent', () => {
  const all = wideFlames(flames(arrange([...TRACE, span('5', '1', 'd', 'late', 90, 30)])), 0, 100);
  expect(all).toHaveLength(4);
  for (const { fromNs, valueNs, children } of all) {
    let at = fromNs;
    for (const child of children) {
      expect(child.fromNs).toBe(at);
      at += child.valueNs;
    }
    expect(at).toBeLessThanOrEqual(fromNs + valueNs);
  }
});

test('the map of a trace counts calls between services', () => {
  const { nodes, edges, columns } = mapTrace(arrange(TRACE));
  expect(nodes.map(({ service, column, spans }) => [service, column, spans])).toEqual([
    ['a', 0, 1],
    ['b', 1, 2],
    ['c', 2, 1],
  ]);
  expect(edges).toEqual([
    { from: 'a', to: 'b', calls: 2, errors: 0, totalNs: 110 * MS },
    { from: 'b', to: 'c', calls: 1, errors: 0, totalNs: 10 * MS },
  ]);
  expect(columns).toBe(3);
});

test('two traces are aligned: what was added, is missing, got slower', () => {
  const other = [
    span('11', null, 'a', 'root', 0, 130),
    span('12', '11', 'b', 'call', 10, 50.4),
    span('13', '12', 'cache', 'get', 11, 1),
    span('14', '11', 'e', 'mail', 70, 5),
  ];
  const found = comparePairs(TRACE, other).map((pair) => [pair.depth, `${pair.service} ${pair.name}`, changeOf(pair)]);
  expect(found).toEqual([
    [0, 'a root', 'slower'],
    [1, 'b call', 'same'],
    [2, 'c query', 'missing'],
    [2, 'cache get', 'added'],
    [1, 'b call', 'missing'],
    [1, 'e mail', 'added'],
  ]);
});

test('a trace against itself is the same everywhere', () => {
  expect(comparePairs(TRACE, TRACE).map(changeOf)).toEqual(['same', 'same', 'same', 'same']);
});

test('thousands of spans are arranged, stacked and compared', () => {
  const many = Array.from({ length: 5000 }, (_, place) =>
    span(String(place), place ? String((place - 1) >> 3) : null, `s${place % 9}`, `op ${place % 50}`, place, 100),
  );
  const rows = arrange(many);
  expect(rows.length).toBe(5000);
  expect(wideFlames(flames(rows), 0, 5000).reduce((sum, flame) => sum + flame.spans, 0)).toBe(5000);
  expect(comparePairs(many, many).length).toBe(5000);
});
