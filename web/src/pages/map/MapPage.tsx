import { Box, Group, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Empty, SendData } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { spanOf } from '../../lib/time';
import { plural } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';
import { Controls } from './Controls';
import { Drawing } from './Drawing';
import { readDifferences, withGone } from './differences';
import { EdgePanel } from './EdgePanel';
import { EdgeTable } from './EdgeTable';
import { partOf, TimeSlider } from './TimeSlider';

export type MapAnswer = Answer<'/api/v1/map'>;

const DAY_S = 86_400;

/** Who calls whom; around one service when it is in focus; at any time of the range; against another time. */
export default function MapPage() {
  const asked = useSearch({ from: '/map' });
  const { focus = '', up = '2', down = '2', find = '', as = 'map', health, group, diff, source, target } = asked;
  const navigate = useNavigate({ from: '/map' });
  const set = useCallback(
    (changed: Record<string, string | undefined>) =>
      void navigate({ search: (before) => ({ ...before, ...changed }), replace: true }),
    [navigate],
  );
  const onEdge = useCallback((from: string, to: string) => set({ source: from, target: to }), [set]);
  const { range: shellRange } = useShell();
  const whole = useApiRange();
  const at = asked.at && /^\d{9,11}$/.test(asked.at) ? Number(asked.at) : null;
  const range = useMemo(
    () => (at === null ? whole : windowOf(at, partOf(spanOf(shellRange), at).lengthS)),
    [at, whole, shellRange],
  );
  const around = focus ? { focus, up, down } : {};
  const answer = useApi('/api/v1/map', { query: { ...range, ...around, edge_health: health, group_by: group } });
  const before = useMemo(() => (diff ? timeBefore(diff, range) : null), [diff, range]);
  const compared = useApi(
    '/api/v1/map/diff',
    { query: { ...range, ...before, group_by: group } },
    { enabled: before !== null },
  );
  const differences = useMemo(
    () => (before && compared.data ? readDifferences(compared.data) : null),
    [before, compared.data],
  );
  const map = useMemo(() => {
    if (!answer.data || !before || !compared.data) return answer.data;
    return withGone(answer.data, compared.data, !focus && !health);
  }, [answer.data, before, compared.data, focus, health]);
  const names = useMemo(
    () => (answer.data?.nodes ?? []).filter(({ type }) => type === 'service').map(({ name }) => name),
    [answer.data],
  );
  return (
    <Page title="Service map" right={<Controls {...{ asked, names, set }} />}>
      {before && compared.error && <ErrorBox error={compared.error} retry={() => void compared.refetch()} />}
      <Group gap="md" className="panel" px="sm" py={4}>
        <TimeSlider
          span={spanOf(shellRange)}
          at={at}
          onChange={(next) => set({ at: next === null ? undefined : String(next) })}
        />
        <Text size="xs" className="quiet nowrap" role="status">
          {map ? `${plural(map.nodes.length, 'node')}, ${plural(map.edges.length, 'edge')}` : ''}
        </Text>
      </Group>
      {source && target && (
        <EdgePanel
          {...{ source, target }}
          range={whole}
          onClose={() => set({ source: undefined, target: undefined })}
        />
      )}
      <Loaded of={answer} lines={12}>
        {() => {
          if (!map || map.nodes.length === 0) return <Nothing focus={focus} filtered={Boolean(health ?? at)} />;
          if (as === 'table') return <EdgeTable {...{ map, find, differences, onEdge }} />;
          return (
            <Box className="panel" style={{ height: 'calc(100vh - 200px)', minHeight: 360 }}>
              <Drawing {...{ map, find, focus, differences, onEdge }} onFocus={(name) => set({ focus: name })} />
            </Box>
          );
        }}
      </Loaded>
      {answer.data?.warnings.map((warning) => (
        <Text key={warning} size="xs" role="status">
          {warning}
        </Text>
      ))}
    </Page>
  );
}

function Nothing({ focus, filtered }: { focus: string; filtered: boolean }) {
  if (focus) return <Empty title={`Nothing calls ${focus}, and it calls nothing, in this time range`} />;
  if (filtered) return <Empty title="No such calls">Choose all calls, or the whole range.</Empty>;
  return <SendData what="calls between services" />;
}

function windowOf(at: number, lengthS: number): { start: string; end: string } {
  return { start: String(at), end: String(at + lengthS) };
}

/** As long a time just before, or the same time a day or a week earlier. */
function timeBefore(diff: string, { start, end }: { start: string; end: string }) {
  const ends = spanOf({ from: inMs(start), to: inMs(end) });
  const [from, to] = [ends.startMs / 1000, ends.endMs / 1000];
  const by = { day: DAY_S, week: 7 * DAY_S }[diff] ?? to - from;
  return { before_start: (from - by).toFixed(0), before_end: (to - by).toFixed(0) };
}

function inMs(text: string): string {
  return /^\d/.test(text) ? String(Math.round(Number(text) * 1000)) : text;
}
