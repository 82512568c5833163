import { expect, test } from 'vitest';
import { type Built, NOTHING, readPromql, type Tree, writePromql } from './promql';

const MATCHERS = [
  { name: '__name__', value: 'http_requests_total', type: '=' },
  { name: 'job', value: 'a"b', type: '!=' },
];
const SELECTOR: Tree = { type: 'vectorSelector', name: 'http_requests_total', matchers: MATCHERS, offset: 0 };
const MATRIX: Tree = { ...SELECTOR, type: 'matrixSelector', range: 300_000 };
const RATE: Tree = { type: 'call', func: { name: 'rate' }, args: [MATRIX] };
const SUM: Tree = { type: 'aggregation', op: 'sum', expr: RATE, param: null, grouping: ['le', 'path'], without: false };
const QUANTILE: Tree = {
  type: 'call',
  func: { name: 'histogram_quantile' },
  args: [{ type: 'numberLiteral', val: '0.95' }, SUM],
};

const BASE: Built = {
  ...NOTHING,
  metric: 'http_requests_total',
  conditions: [{ label: 'job', op: '!=', value: 'a"b' }],
};

test.each<[string, Tree, Built, string]>([
  ['a metric', SELECTOR, BASE, 'http_requests_total{job!="a\\"b"}'],
  ['a rate', RATE, { ...BASE, over: 'rate' }, 'rate(http_requests_total{job!="a\\"b"}[5m])'],
  [
    'a sum',
    SUM,
    { ...BASE, over: 'rate', aggregate: 'sum', by: ['le', 'path'] },
    'sum by (le, path) (rate(http_requests_total{job!="a\\"b"}[5m]))',
  ],
  [
    'a quantile',
    QUANTILE,
    { ...BASE, over: 'rate', quantile: '0.95', by: ['path'] },
    'histogram_quantile(0.95, sum by (le, path) (rate(http_requests_total{job!="a\\"b"}[5m])))',
  ],
])('%s is read and written', (_, tree, built, text) => {
  expect(readPromql(tree)).toEqual(built);
  expect(writePromql(built)).toBe(text);
});

test.each<[string, Tree]>([
  ['an offset', { ...SELECTOR, offset: 60_000 }],
  ['two vectors', { type: 'binaryExpr', op: '/' }],
  ['a function without a field', { type: 'call', func: { name: 'clamp' }, args: [SELECTOR] }],
  ['without', { ...SUM, without: true }],
])('%s is more than the form has', (_, tree) => {
  expect(readPromql(tree)).toBeNull();
});

test('a name that is no word is quoted', () => {
  expect(
    writePromql({ ...NOTHING, metric: 'http.requests', conditions: [{ label: 'a.b', op: '=', value: 'c' }] }),
  ).toBe('{"http.requests", "a.b"="c"}');
});
