import { expect, test } from 'vitest';
import { depths, layOut } from './layout';

const edge = (source: string, target: string) => ({ source, target });

test('callers stand left of what they call', () => {
  const places = new Map(
    layOut(['db', 'shop', 'cart'], [edge('shop', 'cart'), edge('cart', 'db')]).map((node) => [node.id, node]),
  );
  expect(places.get('shop')?.x).toBeLessThan(places.get('cart')?.x ?? 0);
  expect(places.get('cart')?.x).toBeLessThan(places.get('db')?.x ?? 0);
});

test.each([
  ['a cycle', ['a', 'b'], [edge('a', 'b'), edge('b', 'a')], { a: 0, b: 1 }],
  ['a call to itself', ['a'], [edge('a', 'a')], { a: 0 }],
  ['two parts', ['a', 'b', 'c', 'd'], [edge('a', 'b'), edge('c', 'd'), edge('d', 'c')], { a: 0, b: 1, c: 2, d: 3 }],
  ['nothing', [], [], {}],
])('%s has depths', (_, ids, edges, expected) => {
  expect(Object.fromEntries(depths(ids, edges))).toEqual(expected);
});

test('the same map looks the same, whatever the order of its parts', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const edges = [edge('a', 'b'), edge('a', 'c'), edge('c', 'd')];
  expect(layOut([...ids].reverse(), edges)).toEqual(layOut(ids, edges));
});

test('no two of 500 services cover each other', () => {
  const ids = Array.from({ length: 500 }, (_, place) => `service-${place}`);
  const edges = ids.slice(1).map((id, place) => edge(ids[Math.floor(place / 3)] ?? '', id));
  const places = layOut(ids, edges);
  const close = places.some((one, i) =>
    places.slice(i + 1).some((other) => Math.hypot(one.x - other.x, one.y - other.y) < 20),
  );
  expect(close).toBe(false);
});
