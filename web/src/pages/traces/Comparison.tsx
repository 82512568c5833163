import { Badge, Button, Group, Switch, Text, TextInput } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { withQuery } from '../../api/ahead';
import { useApi, useUrl } from '../../api/client';
import { Empty } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Figure } from '../../components/Red';
import { type Change, changeOf, comparePairs, type Pair } from '../../lib/compare';
import { formatClock } from '../../lib/time';
import { bounds, type Span, type TraceAnswer } from '../../lib/trace';
import { formatMs, formatNs } from '../../lib/units';
import { useShell } from '../../shell/state';

const AROUND_S = 1800;
const OFFERED = 12;
const TRACE_ID = /^[0-9a-f]{1,32}$/i;
const TONES: Record<Change, string | undefined> = {
  added: 'var(--warn)',
  missing: 'var(--warn)',
  slower: 'var(--bad)',
  faster: 'var(--good)',
  same: undefined,
};

/** This trace against another: their calls aligned, with what was added, is missing, and got slower. */
export function Comparison({ trace, root }: { trace: TraceAnswer; root: Span | undefined }) {
  const { with: other } = useSearch({ from: '/traces/$traceId' });
  const navigate = useNavigate({ from: '/traces/$traceId' });
  const choose = (id: string | undefined) => void navigate({ search: (before) => ({ ...before, with: id }) });
  return other && TRACE_ID.test(other) ? (
    <Against trace={trace} other={other} again={() => choose(undefined)} />
  ) : (
    <Choose trace={trace} root={root} choose={choose} />
  );
}

interface Found {
  traces: { traceID: string; startTimeUnixNano: string; durationMs: number }[];
}

function Choose({ trace, root, choose }: { trace: TraceAnswer; root: Span | undefined; choose: (id: string) => void }) {
  const { utc } = useShell();
  const [id, setId] = useState('');
  const startS = Math.floor((root?.start_time_ns ?? 0) / 1e9);
  const q = `{ rootServiceName = ${JSON.stringify(root?.service ?? '')} && rootName = ${JSON.stringify(root?.name ?? '')} }`;
  const asked = { q, limit: OFFERED + 1, start: startS - AROUND_S, end: startS + AROUND_S };
  const found = useUrl<Found>(withQuery('/tempo/api/search', asked), { every: false, enabled: root !== undefined });
  return (
    <div className="panel" style={{ padding: 12 }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (TRACE_ID.test(id.trim())) choose(id.trim().toLowerCase().padStart(32, '0'));
        }}
      >
        <Group gap="xs" align="flex-end">
          <TextInput
            label="Compare with the trace"
            placeholder="Its id"
            value={id}
            onChange={(event) => setId(event.currentTarget.value)}
            error={id.trim() !== '' && !TRACE_ID.test(id.trim()) && 'An id is up to 32 hexadecimal digits'}
            miw={300}
          />
          <Button type="submit">Compare</Button>
        </Group>
      </form>
      <Text size="xs" className="quiet" mt="sm">
        Or with another of {root?.service}: {root?.name}, within half an hour:
      </Text>
      <Loaded of={found} lines={3}>
        {({ traces }) => {
          const others = traces.filter(({ traceID }) => traceID.padStart(32, '0') !== trace.trace_id).slice(0, OFFERED);
          return others.length === 0 ? (
            <Empty title="There is no other" />
          ) : (
            <Group gap={6} mt={6}>
              {others.map(({ traceID, startTimeUnixNano, durationMs }) => (
                <Button
                  key={traceID}
                  variant="default"
                  size="compact-xs"
                  onClick={() => choose(traceID.padStart(32, '0'))}
                >
                  {formatClock(Number(startTimeUnixNano) / 1e6, utc, 0)} · {formatMs(durationMs)}
                </Button>
              ))}
            </Group>
          );
        }}
      </Loaded>
    </div>
  );
}

function Against({ trace, other, again }: { trace: TraceAnswer; other: string; again: () => void }) {
  const found = useApi('/api/v1/traces/{trace_id}', { path: { trace_id: other } }, { every: false });
  return (
    <div style={{ display: 'grid', gap: 8, minWidth: 0 }}>
      <Group gap="sm">
        <Text size="sm">
          Against{' '}
          <Link className="link mono" to="/traces/$traceId" params={{ traceId: other }}>
            {other}
          </Link>
        </Text>
        <Button variant="default" size="compact-xs" onClick={again}>
          Choose another
        </Button>
      </Group>
      <Loaded of={found} lines={10}>
        {(data) => <Aligned a={trace} b={data} />}
      </Loaded>
    </div>
  );
}

const NAMES: Record<Change, string> = {
  added: 'only in the other',
  missing: 'only here',
  slower: 'slower there',
  faster: 'faster there',
  same: 'alike',
};

function Aligned({ a, b }: { a: TraceAnswer; b: TraceAnswer }) {
  const [all, setAll] = useState(false);
  const pairs = useMemo(() => comparePairs(a.spans, b.spans), [a, b]);
  const counts = useMemo(() => {
    const found: Record<Change, number> = { added: 0, missing: 0, slower: 0, faster: 0, same: 0 };
    for (const pair of pairs) found[changeOf(pair)] += 1;
    return found;
  }, [pairs]);
  const shown = all ? pairs : pairs.filter((pair) => changeOf(pair) !== 'same');
  const [one, two] = [a, b].map(({ spans }) => bounds(spans));
  return (
    <>
      <Group className="panel figures" p="sm">
        <Figure name="Here" value={formatNs(one && one.endNs - one.startNs)} />
        <Figure name="There" value={formatNs(two && two.endNs - two.startNs)} />
        {(Object.keys(NAMES) as Change[]).map((change) => (
          <Figure
            key={change}
            name={NAMES[change]}
            value={String(counts[change])}
            tone={counts[change] ? TONES[change] : undefined}
          />
        ))}
        <Switch
          size="xs"
          label="Also what is alike"
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
        />
      </Group>
      {shown.length === 0 ? (
        <Empty title="The two are alike">Every call of one is in the other, and took about as long.</Empty>
      ) : (
        <Grid
          caption="Calls of both traces"
          rows={shown}
          columns={COLUMNS}
          rowKey={({ key }) => key}
          height="calc(100vh - 360px)"
        />
      )}
    </>
  );
}

const DEEPEST = 12;

const COLUMNS: Column<Pair>[] = [
  {
    name: 'Call',
    cell: ({ service, name, depth, a, b }) => (
      <span style={{ paddingLeft: Math.min(depth, DEEPEST) * 14 }}>
        <span aria-hidden style={{ color: 'var(--warn)' }}>
          {a && b ? '' : a ? '− ' : '+ '}
        </span>
        <b>{service}</b> {name}
      </span>
    ),
    value: ({ service, name }) => `${service}: ${name}`,
  },
  {
    name: 'Change',
    cell: (pair) => {
      const change = changeOf(pair);
      return change === 'same' ? (
        <span className="quiet">{NAMES.same}</span>
      ) : (
        <Badge
          variant="outline"
          size="sm"
          radius="sm"
          tt="none"
          color="gray"
          styles={{ label: { color: TONES[change] } }}
        >
          {NAMES[change]}
        </Badge>
      );
    },
    value: (pair) => changeOf(pair),
  },
  { name: 'Here', number: true, cell: ({ a }) => formatNs(a?.duration_ns), value: ({ a }) => msOf(a) },
  { name: 'There', number: true, cell: ({ b }) => formatNs(b?.duration_ns), value: ({ b }) => msOf(b) },
  {
    name: 'Difference',
    number: true,
    cell: ({ a, b }) =>
      a && b
        ? `${b.duration_ns >= a.duration_ns ? '+' : '−'}${formatNs(Math.abs(b.duration_ns - a.duration_ns))}`
        : '–',
    value: ({ a, b }) => (a && b ? (b.duration_ns - a.duration_ns) / 1e6 : null),
  },
  {
    name: 'Failed',
    cell: ({ a, b }) => [a?.status === 'error' && 'here', b?.status === 'error' && 'there'].filter(Boolean).join(', '),
  },
];

function msOf(span: Span | null): number | null {
  return span && span.duration_ns / 1e6;
}
