import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { useUrl } from '../../api/client';
import { ConditionLine } from '../../components/ConditionLine';
import { OPERATORS, type Part, readParts, writeParts } from '../../lib/traceql';
import { useTraceFields } from './words';

const BEGINNING: Part[] = [
  { field: 'resource.service.name', op: '=', value: '' },
  { field: 'name', op: '=', value: '' },
  { field: 'status', op: '=', value: '' },
  { field: 'duration', op: '>', value: '' },
];
const WORDS: Record<string, string[]> = {
  status: ['error', 'ok', 'unset'],
  kind: ['server', 'client', 'producer', 'consumer', 'internal'],
  duration: ['10ms', '100ms', '500ms', '1s', '5s'],
  traceDuration: ['100ms', '1s', '5s', '30s'],
};

/** Conditions on one span, put together by choosing; what the query says already is filled in. */
export function Builder({ query, run }: { query: string; run: (text: string) => void }) {
  const known = useMemo(() => readParts(query), [query]);
  const [parts, setParts] = useState<Part[]>(BEGINNING);
  useEffect(() => {
    const read = readParts(query);
    setParts(read && read.length > 0 ? read : BEGINNING);
  }, [query]);
  const fields = useTraceFields();
  return (
    <Stack gap="xs" className="panel" p="sm" role="group" aria-label="Query builder">
      {known === null && (
        <Text size="xs" style={{ color: 'var(--warn)' }}>
          The query says more than this form can show: what is chosen here replaces it.
        </Text>
      )}
      <Text size="xs" className="quiet">
        Traces with a span that meets all of this. A line without a value does not count.
      </Text>
      {parts.map((part, place) => (
        <Line
          // biome-ignore lint/suspicious/noArrayIndexKey: a condition is its place
          key={place}
          part={part}
          fields={fields}
          change={(next) => setParts(parts.map((each, at) => (at === place ? next : each)))}
          remove={() => setParts(parts.filter((_, at) => at !== place))}
        />
      ))}
      <Group gap="sm">
        <Button variant="default" onClick={() => setParts([...parts, { field: '', op: '=', value: '' }])}>
          Add a condition
        </Button>
        <Code style={{ flex: 1, minWidth: 200, overflowWrap: 'anywhere' }}>{writeParts(parts)}</Code>
        <Button onClick={() => run(writeParts(parts))}>Use this query</Button>
      </Group>
    </Stack>
  );
}

interface Values {
  tagValues: { value: string }[];
}

interface LineProps {
  part: Part;
  fields: string[];
  change: (next: Part) => void;
  remove: () => void;
}

function Line({ part, fields, change, remove }: LineProps) {
  const isTag = /^(?:span|resource)\./.test(part.field) || part.field === 'name';
  const values = useUrl<Values>(`/tempo/api/v2/search/tag/${encodeURIComponent(part.field)}/values`, {
    every: false,
    enabled: isTag && fields.includes(part.field),
  });
  const offered = WORDS[part.field] ?? [...new Set((values.data?.tagValues ?? []).map(({ value }) => String(value)))];
  return (
    <ConditionLine
      left={{ text: part.field, label: 'Field', placeholder: 'field', offered: fields }}
      op={part.op}
      operators={OPERATORS}
      right={{
        text: part.value,
        label: `Value of ${part.field || 'the field'}`,
        placeholder: 'any',
        offered,
      }}
      change={({ left, op, right }) => change({ field: left, op, value: right })}
      remove={remove}
    />
  );
}
