import { expect, test } from 'vitest';
import { byKey, place, settle } from './layout';

const at = (id: number, x: number, y: number, w: number, h: number) => ({ id, grid: { x, y, w, h } });
const shown = (panels: { id: number; grid: { x: number; y: number; w: number; h: number } }[]) =>
  Object.fromEntries(panels.map(({ id, grid }) => [id, [grid.x, grid.y, grid.w, grid.h].join()]));
const TWO = [at(1, 0, 0, 12, 8), at(2, 12, 0, 12, 8), at(3, 0, 8, 24, 4)];

test.each([
  ['gaps close', [at(1, 0, 5, 12, 4), at(2, 0, 20, 12, 4)], { 1: '0,0,12,4', 2: '0,4,12,4' }],
  ['what lies over another moves down', [at(1, 0, 0, 12, 4), at(2, 6, 2, 12, 4)], { 1: '0,0,12,4', 2: '6,4,12,4' }],
  ['nothing', [], {}],
])('%s', (_, panels, expected) => {
  expect(shown(settle(panels))).toEqual(expected);
});

test('a panel that is moved over another takes its place', () => {
  expect(shown(place(TWO, 2, { x: 0, y: 0, w: 12, h: 8 }))).toEqual({ 1: '0,8,12,8', 2: '0,0,12,8', 3: '0,16,24,4' });
});

test('a size stays within the columns', () => {
  expect(shown(place(TWO, 2, { x: 12, y: 0, w: 99, h: 0 }))[2]).toBe('0,0,24,1');
});

test.each([
  [1, 'ArrowRight', false, { 1: '1,0,12,8', 2: '12,8,12,8', 3: '0,16,24,4' }],
  [1, 'ArrowDown', false, { 1: '0,4,12,8', 2: '12,4,12,8', 3: '0,0,24,4' }],
  [3, 'ArrowUp', false, { 1: '0,4,12,8', 2: '12,4,12,8', 3: '0,0,24,4' }],
  [1, 'ArrowUp', false, { 1: '0,0,12,8', 2: '12,0,12,8', 3: '0,8,24,4' }],
  [1, 'ArrowDown', true, { 1: '0,0,12,9', 2: '12,0,12,8', 3: '0,9,24,4' }],
  [2, 'ArrowRight', true, { 1: '0,0,12,8', 2: '12,0,12,8', 3: '0,8,24,4' }],
])('panel %d and %s (size: %s)', (id, key, size, expected) => {
  expect(shown(byKey(TWO, id, key, size) ?? [])).toEqual(expected);
});

test('other keys do nothing', () => {
  expect(byKey(TWO, 1, 'Enter', false)).toBeNull();
});
