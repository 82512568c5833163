import { Box, Group, SegmentedControl, Text, TextInput } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useApi } from '../../api/client';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Figure } from '../../components/Red';
import { formatTime } from '../../lib/time';
import { arrange, bounds, type TraceAnswer } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { useShell } from '../../shell/state';
import { Comparison } from './Comparison';
import { Details } from './Details';
import { Flames } from './Flames';
import { PathTable } from './PathTable';
import { StatisticsTable } from './StatisticsTable';
import { TraceMap } from './TraceMap';
import { Waterfall } from './Waterfall';

const VIEWS = [
  { value: 'waterfall', label: 'Waterfall' },
  { value: 'flames', label: 'Flame graph' },
  { value: 'path', label: 'Critical path' },
  { value: 'statistics', label: 'Statistics' },
  { value: 'map', label: 'Map' },
  { value: 'compare', label: 'Compare' },
];

/** One trace with everything in it. What does not depend on it stands there while it is read. */
export default function TracePage() {
  const { traceId } = useParams({ from: '/traces/$traceId' });
  const trace = useApi('/api/v1/traces/{trace_id}', { path: { trace_id: traceId } }, { every: false });
  const [find, setFind] = useState('');
  const opened = useMemo(() => trace.data && open(trace.data), [trace.data]);
  return (
    <Page title={`Trace ${traceId.slice(0, 8)}`} shown={<span className="mono">{traceId}</span>}>
      {(opened || !trace.error) && (
        <>
          <Summary opened={opened} />
          <Controls find={find} setFind={setFind} />
        </>
      )}
      <Loaded of={trace} lines={14}>
        {() => opened && <Views opened={opened} find={find} />}
      </Loaded>
    </Page>
  );
}

type Opened = ReturnType<typeof open>;

function open(trace: TraceAnswer) {
  const { spans } = trace;
  return {
    trace,
    rows: arrange(spans),
    limits: bounds(spans),
    services: new Set(spans.map(({ service }) => service)).size,
    errors: spans.filter(({ status }) => status === 'error').length,
  };
}

function Summary({ opened }: { opened: Opened | undefined }) {
  const { utc } = useShell();
  const { trace, rows, limits, services, errors } = opened ?? {};
  const root = rows?.[0]?.span;
  return (
    <Group className="panel figures" p="sm">
      <Box style={{ minWidth: 0 }}>
        <Text fw={600} className="cut">
          {root ? `${root.service}: ${root.name}` : '…'}
        </Text>
        <Text size="xs" className="quiet">
          {limits ? formatTime(limits.startNs / 1e6, utc) : '…'}
          {trace?.kept_by && ` · kept by policy ${trace.kept_by}, stands for ${trace.adjusted_count.toFixed(1)}`}
        </Text>
      </Box>
      <Figure name="Duration" value={limits ? formatNs(limits.endNs - limits.startNs) : '…'} />
      <Figure name="Spans" value={String(trace?.spans.length ?? '…')} />
      <Figure name="Services" value={String(services ?? '…')} />
      <Figure name="Errors" value={String(errors ?? '…')} tone={errors ? 'var(--bad)' : undefined} />
    </Group>
  );
}

function Controls({ find, setFind }: { find: string; setFind: (text: string) => void }) {
  const { view = 'waterfall' } = useSearch({ from: '/traces/$traceId' });
  const navigate = useNavigate({ from: '/traces/$traceId' });
  return (
    <Group justify="space-between">
      <SegmentedControl
        aria-label="View"
        data={VIEWS}
        value={view}
        onChange={(value) =>
          void navigate({
            search: (before) => ({ ...before, view: value === 'waterfall' ? undefined : value }),
            replace: true,
          })
        }
      />
      <TextInput
        aria-label="Highlight spans"
        placeholder="Highlight spans: name, service, attribute"
        value={find}
        data-search
        w={280}
        onChange={(event) => setFind(event.currentTarget.value)}
      />
    </Group>
  );
}

function Views({ opened, find }: { opened: Opened; find: string }) {
  const { trace, rows, limits } = opened;
  const { span: chosen, view = 'waterfall' } = useSearch({ from: '/traces/$traceId' });
  const navigate = useNavigate({ from: '/traces/$traceId' });
  const path = useApi(
    '/api/v1/traces/{trace_id}/critical-path',
    { path: { trace_id: trace.trace_id } },
    { every: false },
  );
  const onPath = useMemo(() => new Set(path.data?.segments.map(({ span_id }) => span_id)), [path.data]);
  const choose = (id: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, span: id === chosen ? undefined : id }), replace: true });
  const span = useMemo(() => chosen && trace.spans.find(({ span_id }) => span_id === chosen), [trace, chosen]);
  return (
    <Box className={span ? 'trace with-span' : 'trace'}>
      {view === 'flames' ? (
        <Flames rows={rows} chosen={chosen} choose={choose} find={find} />
      ) : view === 'path' ? (
        <Loaded of={path}>{(data) => <PathTable path={data} choose={choose} />}</Loaded>
      ) : view === 'statistics' ? (
        <StatisticsTable rows={rows} total={limits.endNs - limits.startNs} />
      ) : view === 'map' ? (
        <TraceMap rows={rows} />
      ) : view === 'compare' ? (
        <Comparison trace={trace} root={rows[0]?.span} />
      ) : (
        <Waterfall rows={rows} limits={limits} chosen={chosen} choose={choose} onPath={onPath} find={find} />
      )}
      {span && <Details span={span} trace={trace} startNs={limits.startNs} close={() => choose(undefined)} />}
    </Box>
  );
}
