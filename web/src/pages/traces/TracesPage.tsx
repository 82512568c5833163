import { Button, Group, Text } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import { SendData } from '../../components/Empty';
import { Exported } from '../../components/Export';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { Pin } from '../../components/Pin';
import { QueryBar } from '../../components/QueryBar';
import { QueryTools } from '../../components/QueryTools';
import { Scroll } from '../../components/Scroll';
import { formatTime, spanOf } from '../../lib/time';
import { formatMs, plural } from '../../lib/units';
import { useShell } from '../../shell/state';
import { Builder } from './Builder';
import { Differences } from './Differences';
import { Examples } from './Examples';
import { HeatMap, type Narrow } from './HeatMap';
import { LESSONS } from './lessons';
import { useTraceWords } from './words';

interface Found {
  traceID: string;
  rootServiceName: string;
  rootTraceName: string;
  startTimeUnixNano: string;
  durationMs: number;
  spanSet: { matched: number; spans: { spanID: string }[] } | null;
  serviceStats: Record<string, { spanCount: number; errorCount?: number }>;
}

/** Traces by TraceQL, with a heat map of durations above them. */
export default function TracesPage() {
  const { q = '{ }', limit = '50', build } = useSearch({ from: '/traces' });
  const navigate = useNavigate({ from: '/traces' });
  const { range, utc, turn } = useShell();
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again means up to now
  const url = useMemo(() => {
    const { startMs, endMs } = spanOf(range);
    return withQuery('/tempo/api/search', {
      q,
      limit,
      start: Math.floor(startMs / 1000),
      end: Math.ceil(endMs / 1000),
    });
  }, [q, limit, range, turn]);
  const found = useUrl<{ traces: Found[]; metrics: { inspectedTraces: number } }>(url);
  const words = useTraceWords();
  const run: Narrow = (text, chosen) =>
    void navigate({ search: (before) => ({ ...before, ...chosen, q: text || undefined }) });
  return (
    <Page title="Traces" right={<Pin language="traceql" queries={[q]} kind="traces" />}>
      <QueryBar
        label="TraceQL"
        value={q}
        placeholder="{ resource.service.name = &quot;cart&quot; && duration > 500ms }"
        run={run}
        complete={words}
        running={found.isFetching && found.data === undefined}
      >
        <Button
          variant="default"
          aria-pressed={build !== undefined}
          onClick={() =>
            void navigate({ search: (before) => ({ ...before, build: build ? undefined : '1' }), replace: true })
          }
        >
          Build
        </Button>
        <QueryTools language="traceql" query={q} run={run} lessons={LESSONS} />
      </QueryBar>
      {build && <Builder query={q} run={run} />}
      <Examples run={run} />
      <HeatMap q={q} narrow={run} />
      <Differences q={q} narrow={run} key={q} />
      <Loaded of={found} query={q} lines={10}>
        {({ traces, metrics }) =>
          traces.length === 0 ? (
            q.replace(/\s/g, '') === '{}' ? (
              <SendData what="traces" />
            ) : (
              <SendData what="traces that meet this query" />
            )
          ) : (
            <Panel
              title={plural(traces.length, 'trace')}
              right={
                <Text size="xs" className="quiet">
                  {plural(metrics.inspectedTraces, 'trace')} read
                  {traces.length >= Number(limit) && (
                    <>
                      {' · '}
                      <More limit={Number(limit)} />
                    </>
                  )}
                </Text>
              }
            >
              <Exported name="traces">
                <Rows traces={traces} utc={utc} />
              </Exported>
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The span that the query is about, when it is about one. */
function onlyMatch({ spanSet }: Found): string | undefined {
  return spanSet?.matched === 1 ? spanSet.spans[0]?.spanID.padStart(16, '0') : undefined;
}

function More({ limit }: { limit: number }) {
  return (
    <Link
      className="link"
      to="/traces"
      search={(before: Record<string, string | undefined>) => ({ ...before, limit: String(Math.min(limit * 4, 1000)) })}
      style={{ fontSize: 12 }}
    >
      the newest; show more
    </Link>
  );
}

function Rows({ traces, utc }: { traces: Found[]; utc: boolean }) {
  const longest = Math.max(...traces.map(({ durationMs }) => durationMs), 1);
  return (
    <Scroll label="Traces" maxHeight="none">
      <table className="grid">
        <thead>
          <tr>
            <th>Started</th>
            <th>Trace</th>
            <th style={{ width: '28%' }}>Duration</th>
            <th className="number">Spans</th>
            <th className="number">Errors</th>
            <th>Services</th>
          </tr>
        </thead>
        <tbody>
          {traces.map((trace) => {
            const stats = Object.values(trace.serviceStats);
            const spans = stats.reduce((sum, { spanCount }) => sum + spanCount, 0);
            const errors = stats.reduce((sum, { errorCount = 0 }) => sum + errorCount, 0);
            return (
              <tr key={trace.traceID}>
                <td className="nowrap quiet">{formatTime(Number(trace.startTimeUnixNano) / 1e6, utc)}</td>
                <td>
                  <Link
                    className="link"
                    to="/traces/$traceId"
                    params={{ traceId: trace.traceID.padStart(32, '0') }}
                    search={{ span: onlyMatch(trace) }}
                  >
                    {trace.rootServiceName || '(root not seen)'}: {trace.rootTraceName || '–'}
                  </Link>
                </td>
                <td>
                  <Group gap={6} wrap="nowrap">
                    <div
                      aria-hidden
                      style={{
                        width: `${(65 * trace.durationMs) / longest}%`,
                        minWidth: 2,
                        height: 8,
                        borderRadius: 2,
                        background: errors ? 'var(--bad)' : 'var(--accent)',
                      }}
                    />
                    <Text size="xs" className="number">
                      {formatMs(trace.durationMs)}
                    </Text>
                  </Group>
                </td>
                <td className="number">{spans}</td>
                <td className="number">{errors ? <b style={{ color: 'var(--bad)' }}>{errors}</b> : '0'}</td>
                <td className="quiet">{Object.keys(trace.serviceStats).join(', ')}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
