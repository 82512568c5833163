import { expect, test } from 'vitest';
import { arrange, bounds, type Span, statistics, visible } from './trace';

function span(id: string, parent: string | null, start = 0, duration = 100, more: Partial<Span> = {}): Span {
  return {
    span_id: id,
    parent_span_id: parent,
    service: 'shop',
    name: `op ${id}`,
    kind: 'server',
    start_time_ns: start,
    duration_ns: duration,
    status: 'unset',
    status_message: '',
    trace_state: '',
    flags: 0,
    attributes: {},
    events: [],
    links: [],
    resource_id: '1',
    scope_id: '1',
    dropped_attributes: 0,
    dropped_events: 0,
    dropped_links: 0,
    ...more,
  };
}

const outline = (spans: Span[]) =>
  arrange(spans).map(({ span: { span_id }, depth }) => `${'.'.repeat(depth)}${span_id}`);

test.each([
  [
    'a tree, children by start',
    [span('c', 'a', 20), span('a', null), span('b', 'a', 10), span('d', 'b', 11)],
    ['a', '.b', '..d', '.c'],
  ],
  ['two roots', [span('b', null, 5), span('a', null, 1)], ['a', 'b']],
  ['a missing parent', [span('a', null), span('b', 'gone', 3)], ['a', 'b']],
  ['a cycle', [span('a', 'b', 1), span('b', 'a', 2)], ['a', '.b']],
  [
    'a cycle with a sibling, and what hangs under it',
    [span('c', 'a', 3), span('b', 'a', 2), span('a', 'b', 1), span('d', 'c', 4)],
    ['a', '.b', '.c', '..d'],
  ],
  ['two cycles', [span('d', 'c', 4), span('a', 'b', 1), span('b', 'a', 2), span('c', 'd', 3)], ['a', '.b', 'c', '.d']],
  ['its own parent', [span('a', 'a')], ['a']],
  ['equal ids', [span('a', null, 1), span('a', null, 2), span('b', 'a', 3)], ['a', '.b', 'a']],
  ['nothing', [], []],
])('%s is arranged', (_, spans, expected) => {
  expect(outline(spans)).toEqual(expected);
});

test('50,000 spans in one chain are arranged without a recursion', () => {
  const spans = Array.from({ length: 50_000 }, (_, place) =>
    span(String(place), place ? String(place - 1) : null, place),
  );
  const rows = arrange(spans);
  expect(rows).toHaveLength(50_000);
  expect(rows.at(-1)?.depth).toBe(49_999);
});

test.each([
  ['no children', [], 100],
  ['one', [span('b', 'a', 10, 30)], 70],
  ['overlapping ones', [span('b', 'a', 10, 30), span('c', 'a', 20, 30)], 60],
  ['one that outlasts its parent', [span('b', 'a', 50, 500)], 50],
  ['one that ran before', [span('b', 'a', -50, 20)], 100],
])('time of its own with %s', (_, children, expected) => {
  const rows = arrange([span('a', null), ...children]);
  expect(rows.find(({ span: { span_id } }) => span_id === 'a')?.selfNs).toBe(expected);
});

test('what lies under a folded span is hidden', () => {
  const rows = arrange([span('a', null), span('b', 'a', 1), span('c', 'b', 2), span('d', 'a', 3)]);
  expect(visible(rows, new Set(['b'])).map((row) => row.span.span_id)).toEqual(['a', 'b', 'd']);
  expect(visible(rows, new Set(['a'])).map((row) => row.span.span_id)).toEqual(['a']);
});

test('bounds take negative durations', () => {
  expect(bounds([span('a', null, 100, -50), span('b', 'a', 90, 20)])).toEqual({ startNs: 90, endNs: 110 });
  expect(bounds([])).toEqual({ startNs: 0, endNs: 1 });
});

test('statistics add up by operation', () => {
  const spans = [
    span('a', null, 0, 100),
    span('b', 'a', 0, 40, { name: 'get' }),
    span('c', 'a', 40, 40, { name: 'get', status: 'error' }),
  ];
  expect(
    statistics(arrange(spans)).map(({ operation, spans: count, errors, selfNs }) => [operation, count, errors, selfNs]),
  ).toEqual([
    ['get', 2, 1, 80],
    ['op a', 1, 0, 20],
  ]);
});
