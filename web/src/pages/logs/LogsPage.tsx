import { Box, Group, SegmentedControl, Switch, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import { SendData } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Export } from '../../components/Export';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { Pin } from '../../components/Pin';
import { QueryBar } from '../../components/QueryBar';
import { QueryTools } from '../../components/QueryTools';
import { narrow, selectsLines } from '../../lib/logql';
import { spanOf } from '../../lib/time';
import { formatCount, formatMs } from '../../lib/units';
import { useShell } from '../../shell/state';
import { Fields } from './Fields';
import { Histogram } from './Histogram';
import { LineJson } from './LineJson';
import { LineList } from './LineList';
import { LineTable } from './LineTable';
import { LESSONS } from './lessons';
import { type Line, type Streams, sheetOf, toLines } from './lines';
import { useTail } from './useTail';
import { useLogWords } from './words';

export const EVERYTHING = '{service_name=~".+"}';
const LIMIT = 1000;
const SERVICE = /service_name="((?:[^"\\]|\\.)*)"/;

/** Log lines by LogQL: how many over time, the newest, their fields; or their patterns; or as they arrive. */
export default function LogsPage() {
  const { q = EVERYTHING, view = 'lines', wrap } = useSearch({ from: '/logs' });
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
          <Pin language="logql" queries={[q]} kind={selectsLines(q) ? 'logs' : 'time_series'} />
          <Switch
            size="xs"
            label="Wrap"
            checked={wrap !== undefined}
            onChange={(event) => set({ wrap: event.currentTarget.checked ? '1' : undefined })}
          />
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
              { label: 'Table', value: 'table' },
              { label: 'JSON', value: 'json' },
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
      >
        <QueryTools language="logql" query={q} run={(text) => set({ q: text })} lessons={LESSONS} />
      </QueryBar>
      {view === 'patterns' ? (
        <Panel title={SERVICE.exec(q)?.[1] ? `Patterns of ${SERVICE.exec(q)?.[1]}` : 'Patterns of all services'}>
          <PatternList service={SERVICE.exec(q)?.[1]} limit={100} />
        </Panel>
      ) : tailing ? (
        <Tail q={q} look={{ view, wrap: wrap !== undefined, filter }} />
      ) : (
        <Stored q={q} look={{ view, wrap: wrap !== undefined, filter }} />
      )}
    </Page>
  );
}

type Filter = (name: string, value: string, keep: boolean, isLabel: boolean) => void;

interface Look {
  view: string;
  wrap: boolean;
  filter: Filter;
}

function Stored({ q, look }: { q: string; look: Look }) {
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
          {(answer) => <Found answer={answer} look={look} />}
        </Loaded>
      )}
    </>
  );
}

function Found({ answer, look }: { answer: Streams; look: Look }) {
  const lines = useMemo(() => toLines(answer), [answer]);
  const took = answer.data.stats?.summary.execTime;
  return (
    <Shown lines={lines} look={look} more={LIMIT} cost={took === undefined ? '' : `read in ${formatMs(took * 1000)}`} />
  );
}

interface ShownProps {
  lines: Line[];
  look: Look;
  more?: number;
  note?: string;
  cost?: string;
}

function Shown({ lines, look, more, note, cost }: ShownProps) {
  const { view, wrap, filter } = look;
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
          <Group gap="sm" wrap="nowrap">
            <Text size="xs" className="quiet">
              {note ?? cost}
            </Text>
            {view !== 'table' && <Export name="log lines" sheet={() => sheetOf(lines)} />}
          </Group>
        }
      >
        {view === 'table' ? (
          <LineTable lines={lines} />
        ) : view === 'json' ? (
          <LineJson lines={lines} />
        ) : (
          <LineList lines={lines} wrap={wrap} filter={filter} />
        )}
      </Panel>
      <Box visibleFrom="md" w={230}>
        <Fields lines={lines} filter={filter} />
      </Box>
    </Box>
  );
}

function Tail({ q, look }: { q: string; look: Look }) {
  const { lines, note, error } = useTail(q);
  return (
    <>
      {error && <ErrorBox error={error} query={q} />}
      <Shown lines={lines} look={look} note={note} />
    </>
  );
}
