import { expect, test } from 'vitest';
import { blankVariable } from './model';
import { askVariable, optionsOf } from './useVariables';

const TIMES = { startMs: 0, endMs: 60_000, step: 30 };
const GRID = { start: 0, end: 60, step: 30 };
const VALUES = { job: { values: ['a'], several: false } };
const RANGE = 'start=0&end=60';

test.each([
  ['promql', 'label_values(service_name)', `/prometheus/api/v1/label/service_name/values?${RANGE}`],
  [
    'promql',
    'label_values(up{job="$job", x="1"}, instance)',
    `/prometheus/api/v1/label/instance/values?${RANGE}&match%5B%5D=up%7Bjob%3D%22a%22%2C+x%3D%221%22%7D`,
  ],
  ['promql', 'label_names()', `/prometheus/api/v1/labels?${RANGE}`],
  ['promql', 'metrics(node_.*)', `/prometheus/api/v1/label/__name__/values?${RANGE}`],
  ['promql', 'query_result(sum by (a) (up))', '/prometheus/api/v1/query?query=sum+by+%28a%29+%28up%29&time=60'],
  ['logql', 'label_values({a="b"}, c)', `/loki/api/v1/label/c/values?${RANGE}&query=%7Ba%3D%22b%22%7D`],
] as const)('%s %s', (language, query, path) => {
  expect(askVariable({ ...blankVariable('v'), language, query }, VALUES, TIMES, GRID)).toEqual({ path });
});

test.each([
  ['', ['n10', 'n2', 'x'], ['n2', 'n10', 'x']],
  ['^n', ['n10', 'n2', 'x'], ['n2', 'n10']],
  ['n(\\d)', ['n10', 'n2', 'x'], ['1', '2']],
  ['(', ['b', 'a', 'a'], ['a', 'b']],
])('pattern %s', (pattern, data, expected) => {
  expect(optionsOf({ ...blankVariable('v'), pattern }, { data })).toEqual(expected);
});

test('results of queries and rows of SQL are values, too', () => {
  const result = [{ metric: { __name__: 'up', job: 'a' }, value: [0, '1'] }];
  const found = { ...blankVariable('v'), query: 'query_result(up)', pattern: 'job="([^"]+)"' };
  expect(optionsOf(found, { data: { resultType: 'vector', result } })).toEqual(['a']);
  expect(optionsOf({ ...found, language: 'sql', pattern: '' }, { columns: [], rows: [['x', 1], [7]] })).toEqual([
    '7',
    'x',
  ]);
});
