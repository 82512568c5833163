import { expect, test } from 'vitest';
import { readDifferences, withGone } from './differences';
import { type Edge, labelOf, type Node, nextInDirection } from './looks';
import { partOf } from './TimeSlider';

const FIGURES = { requests: 100, errors: 0, rate_per_s: 1, error_ratio: 0, p50_ms: 1, p95_ms: 2, p99_ms: 3 };
const node = (name: string): Node => ({
  ...FIGURES,
  ...{ id: `service:${name}`, type: 'service', name, health: 'healthy', members: [] },
});
const edge = (source: string, target: string): Edge => ({
  ...FIGURES,
  ...{ source: `service:${source}`, target: `service:${target}`, kind: 'call', health: 'healthy' },
});
const change = (figure: 'rate_per_s' | 'error_ratio' | 'p95_ms', before: number, after: number) => ({
  figure,
  ...{ before, after, z: 9 },
});

test('of what changed, the worst is shown, and all of it is told', () => {
  const changed = [
    {
      before: edge('a', 'b'),
      after: edge('a', 'b'),
      changes: [change('p95_ms', 10, 30), change('error_ratio', 0, 0.2)],
    },
    { before: edge('a', 'c'), after: edge('a', 'c'), changes: [change('rate_per_s', 1, 9)] },
    { before: edge('a', 'd'), after: edge('a', 'd'), changes: [change('p95_ms', 30, 10), change('rate_per_s', 1, 9)] },
    { before: edge('a', 'e'), after: edge('a', 'e'), changes: [change('p95_ms', 10, 30)] },
  ];
  const nothing = { new: [], gone: [], changed: [] };
  const { edges } = readDifferences({ nodes: nothing, edges: { ...nothing, changed }, warnings: [] });
  expect([...edges.values()].map(({ kind }) => kind)).toEqual(['errors', 'traffic', 'better', 'slower']);
  expect(edges.get('service:a service:b call')?.words).toMatch(/p95 10.*30.*errors 0.*20/);
});

test('what is gone is drawn where it was; around a focus, only what touches it', () => {
  const map = { nodes: [node('shop')], edges: [], warnings: [] };
  const gone = {
    nodes: { new: [], gone: [node('old'), node('far')], changed: [] },
    edges: { new: [], gone: [edge('shop', 'old'), edge('far', 'away')], changed: [] },
    warnings: [],
  };
  expect(withGone(map, gone, true).nodes.map(({ name }) => name)).toEqual(['shop', 'old', 'far']);
  const around = withGone(map, gone, false);
  expect(around.nodes.map(({ name }) => name)).toEqual(['shop', 'old']);
  expect(around.edges).toEqual([edge('shop', 'old')]);
});

test.each([
  ['ArrowRight', 'b'],
  ['ArrowDown', 'c'],
  ['ArrowLeft', null],
  ['x', null],
])('%s walks to the nearest node that way', (key, expected) => {
  const places = new Map([
    ['a', { x: 0, y: 0 }],
    ['b', { x: 100, y: 30 }],
    ['c', { x: 10, y: 100 }],
    ['d', { x: 300, y: 0 }],
  ]);
  expect(nextInDirection(places, 'a', key)).toBe(expected);
});

test.each([
  ['the whole range', null, { lengthS: 150, place: null }],
  ['its begin', 0, { lengthS: 150, place: 0 }],
  ['a part', 300, { lengthS: 150, place: 2 }],
  ['what lies behind its end', 1e9, { lengthS: 150, place: 23 }],
])('the slider stands at %s', (_, at, expected) => {
  expect(partOf({ startMs: 0, endMs: 3_600_000 }, at)).toEqual(expected);
});

test('long names are cut, groups are counted', () => {
  expect(labelOf(node('x'.repeat(10_000)))).toHaveLength(26);
  expect(labelOf({ ...node('front'), type: 'group', members: ['a', 'b'] })).toBe('front · 2');
});
