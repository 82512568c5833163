import { Autocomplete, Button, Code, Group, MultiSelect, Select, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import { ConditionLine } from '../../components/ConditionLine';
import {
  AGGREGATES,
  type Built,
  type Condition,
  NOTHING,
  OPERATORS,
  OVER,
  readPromql,
  type Tree,
  WINDOWS,
  writePromql,
} from '../../lib/promql';
import { useApiRange } from '../../lib/useRange';

const OFFERED = 200;
const PROMETHEUS = '/prometheus/api/v1';

interface Names {
  data: string[];
}

/** A query put together by choosing; what the query says already is filled in. */
export function Builder({ query, run }: { query: string; run: (text: string) => void }) {
  const [built, setBuilt] = useState<Built>(NOTHING);
  const parsed = useUrl<{ data: Tree }>(withQuery(`${PROMETHEUS}/parse_query`, { query }), {
    every: false,
    enabled: query !== '',
  });
  const known = query && parsed.data ? readPromql(parsed.data.data) : null;
  const tooMuch = query !== '' && parsed.data !== undefined && known === null;
  const told = JSON.stringify(known);
  useEffect(() => {
    const read = JSON.parse(told) as Built | null;
    if (read) setBuilt(read);
  }, [told]);
  const set = (changed: Partial<Built>) => setBuilt((before) => ({ ...before, ...changed }));
  const text = writePromql(built);
  return (
    <Stack gap="xs" className="panel" p="sm" role="group" aria-label="Query builder">
      {tooMuch && (
        <Text size="xs" style={{ color: 'var(--warn)' }}>
          The query says more than this form can show: what is chosen here replaces it.
        </Text>
      )}
      <Which built={built} set={set} />
      {built.conditions.map((condition, place) => (
        <Line
          // biome-ignore lint/suspicious/noArrayIndexKey: a condition is its place
          key={place}
          metric={built.metric}
          condition={condition}
          change={(next) => set({ conditions: built.conditions.map((each, at) => (at === place ? next : each)) })}
          remove={() => set({ conditions: built.conditions.filter((_, at) => at !== place) })}
        />
      ))}
      <How built={built} set={set} />
      <Group gap="sm">
        <Button
          variant="default"
          disabled={!built.metric}
          onClick={() => set({ conditions: [...built.conditions, { label: '', op: '=', value: '' }] })}
        >
          Add a condition
        </Button>
        <Code style={{ flex: 1, minWidth: 200, overflowWrap: 'anywhere' }} aria-label="Query so far">
          {text || 'Choose a metric'}
        </Code>
        <Button disabled={!text} onClick={() => run(text)}>
          Use this query
        </Button>
      </Group>
    </Stack>
  );
}

interface Part {
  built: Built;
  set: (changed: Partial<Built>) => void;
}

function Which({ built, set }: Part) {
  const names = useUrl<Names>(`${PROMETHEUS}/label/__name__/values`, { every: false });
  const metrics = names.data?.data ?? [];
  const choose = (metric: string) => {
    const isNew = metrics.includes(metric) && metric !== built.metric;
    set({ metric, ...(isNew ? usual(metric) : {}) });
  };
  return (
    <Autocomplete label="Metric" size="xs" data={metrics} limit={OFFERED} value={built.metric} onChange={choose} />
  );
}

/** What one wants of a metric with such a name. */
function usual(metric: string): Partial<Built> {
  if (metric.endsWith('_bucket')) return { over: 'rate', quantile: '0.95', aggregate: '' };
  if (/_(total|count|sum)$/.test(metric)) return { over: 'rate', aggregate: 'sum', quantile: '' };
  return { over: '', quantile: '' };
}

function How({ built, set }: Part) {
  const labels = useLabels(built.metric);
  return (
    <Group gap="sm" align="flex-end">
      <Select
        label="Over time"
        data={[{ value: '', label: 'the value itself' }, ...OVER]}
        value={built.over}
        onChange={(over) => set({ over: over ?? '' })}
        w={150}
      />
      {built.over && (
        <Select
          label="Window"
          data={WINDOWS.includes(built.window) ? WINDOWS : [...WINDOWS, built.window]}
          value={built.window}
          onChange={(window) => set({ window: window ?? '5m' })}
          w={80}
        />
      )}
      <Select
        label="Together"
        data={[
          { value: '', label: 'each series' },
          ...AGGREGATES,
          ...['0.5', '0.9', '0.95', '0.99'].map((value) => ({ value, label: `${Number(value) * 100} % quantile` })),
        ]}
        value={built.quantile || built.aggregate}
        onChange={(value) =>
          set(value && Number(value) ? { quantile: value, aggregate: '' } : { quantile: '', aggregate: value ?? '' })
        }
        w={140}
      />
      {(built.quantile || built.aggregate) && (
        <MultiSelect
          label="By"
          size="xs"
          data={[...new Set([...labels, ...built.by])]}
          value={built.by}
          onChange={(by) => set({ by })}
          searchable
          limit={OFFERED}
          miw={180}
          style={{ flex: 1 }}
        />
      )}
    </Group>
  );
}

function useLabels(metric: string): string[] {
  const { start, end } = useApiRange();
  const url = withQuery(`${PROMETHEUS}/labels`, {
    'match[]': `{__name__=${JSON.stringify(metric)}}`,
    ...seconds(start, end),
  });
  const found = useUrl<Names>(url, { every: false, enabled: metric !== '' });
  return (found.data?.data ?? []).filter((name) => name !== '__name__');
}

/** Prometheus' API takes no relative times; without any it looks at all. */
function seconds(start: string, end: string): { start?: string; end?: string } {
  return /^\d/.test(start) && /^\d/.test(end) ? { start, end } : {};
}

interface LineProps {
  metric: string;
  condition: Condition;
  change: (next: Condition) => void;
  remove: () => void;
}

function Line({ metric, condition, change, remove }: LineProps) {
  const labels = useLabels(metric);
  const url = withQuery(`${PROMETHEUS}/label/${encodeURIComponent(condition.label)}/values`, {
    'match[]': `{__name__=${JSON.stringify(metric)}}`,
  });
  const values = useUrl<Names>(url, { every: false, enabled: labels.includes(condition.label) });
  return (
    <ConditionLine
      left={{ text: condition.label, label: 'Label', placeholder: 'label', offered: labels }}
      op={condition.op}
      operators={OPERATORS}
      right={{ text: condition.value, label: 'Value', placeholder: 'value', offered: values.data?.data ?? [] }}
      change={({ left, op, right }) => change({ label: left, op, value: right })}
      remove={remove}
    />
  );
}
