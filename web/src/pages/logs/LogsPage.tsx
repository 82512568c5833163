import { Box, Group, SegmentedControl, Switch, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useUrl, withQuery } from '../../api/client';
import { SendData } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { QueryBar } from '../../components/QueryBar';
import { narrow, selectsLines } from '../../lib/logql';
import { spanOf } from '../../lib/time';
import { formatCount } from '../../lib/units';
import { useShell } from '../../shell/state';
import { Fields } from './Fields';
import { Histogram } from './Histogram';
import { LineList } from './LineList';
import { type Line, type Streams, toLines } from './lines';
import { useTail } from './useTail';
import { useLogWords } from './words';

export const EVERYTHING = '{service_name=~".+"}';
const LIMIT = 1000;
const SERVICE = /service_name="((?:[^"\\]|\\.)*)"/;

/** Log lines by LogQL: how many over time, the newest, their fields; or their patterns; or as they arrive. */
export default function LogsPage() {
  const { q = EVERYTHING, view = 'lines' } = useSearch({ from: '/logs' });
  const navigate = useNavigate({ from: '/logs' });
  const set = (changed: Record<string, string | undefined>) =>
    void navigate({ search: (before) => ({ ...before, ...changed }) });
  const [tailing, setTailing] = useState(false);
  const words = useLogWords();
  const filter = (name: string, value: string, keep: boolean, isLabel: boolean) =>
    set({ q: narrow(q, name, value, keep, isLabel) });
  return (
    <Page
      title="Logs"
      right={
        <Group gap="sm">
          <Switch
            size="xs"
            label="Live tail"
            checked={tailing}
            onChange={(event) => setTailing(event.currentTarget.checked)}
          />
          <SegmentedControl
            aria-label="Show"
            value={view}
            onChange={(value) => set({ view: value === 'lines' ? undefined : value })}
            data={[
              { label: 'Lines', value: 'lines' },
              { label: 'Patterns', value: 'patterns' },
            ]}
          />
        </Group>
      }
    >
      <QueryBar
        label="LogQL"
        value={q}
        placeholder={'{service_name="cart"} |= "timeout"'}
        run={(text) => set({ q: text || undefined })}
        complete={words}
      />
      {view === 'patterns' ? (
        <Panel title={SERVICE.exec(q)?.[1] ? `Patterns of ${SERVICE.exec(q)?.[1]}` : 'Patterns of all services'}>
          <PatternList service={SERVICE.exec(q)?.[1]} limit={100} />
        </Panel>
      ) : tailing ? (
        <Tail q={q} filter={filter} />
      ) : (
        <Stored q={q} filter={filter} />
      )}
    </Page>
  );
}

type Filter = (name: string, value: string, keep: boolean, isLabel: boolean) => void;

function Stored({ q, filter }: { q: string; filter: Filter }) {
  const { range, turn } = useShell();
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again means up to now
  const url = useMemo(() => {
    const { startMs, endMs } = spanOf(range);
    return withQuery('/loki/api/v1/query_range', {
      query: q,
      limit: LIMIT,
      start: `${Math.floor(startMs)}000000`,
      end: `${Math.ceil(endMs)}000000`,
      direction: 'backward',
    });
  }, [q, range, turn]);
  const lines = selectsLines(q);
  const found = useUrl<Streams>(url, { enabled: lines });
  return (
    <>
      <Histogram q={q} />
      {lines && (
        <Loaded of={found} query={q} lines={12}>
          {(answer) => <Shown lines={toLines(answer)} filter={filter} more={LIMIT} />}
        </Loaded>
      )}
    </>
  );
}

function Shown({ lines, filter, more, note }: { lines: Line[]; filter: Filter; more?: number; note?: string }) {
  if (lines.length === 0)
    return note ? (
      <Text size="sm" className="quiet">
        {note}
      </Text>
    ) : (
      <SendData what="log lines that meet this query" />
    );
  return (
    <Box style={{ display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) auto', gap: 8 }}>
      <Panel
        title={
          more && lines.length >= more
            ? `The newest ${formatCount(lines.length)} lines`
            : `${formatCount(lines.length)} lines`
        }
        right={
          note && (
            <Text size="xs" className="quiet">
              {note}
            </Text>
          )
        }
      >
        <LineList lines={lines} filter={filter} />
      </Panel>
      <Box visibleFrom="md" w={230}>
        <Fields lines={lines} filter={filter} />
      </Box>
    </Box>
  );
}

function Tail({ q, filter }: { q: string; filter: Filter }) {
  const { lines, note, error } = useTail(q);
  return (
    <>
      {error && <ErrorBox error={error} query={q} />}
      <Shown lines={lines} filter={filter} note={note} />
    </>
  );
}
