import { CloseButton, SimpleGrid } from '@mantine/core';
import { useMemo } from 'react';
import { useApi } from '../../api/client';
import { Chart, type Line, type Mark } from '../../components/Chart';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { useDeploys } from '../home/useDeploys';

interface Props {
  source: string;
  target: string;
  range: { start: string; end: string };
  onClose: () => void;
}

/** The calls from one node to another over time, with deploys of both. */
export function EdgePanel({ source, target, range, onClose }: Props) {
  const answer = useApi('/api/v1/map/edge', { query: { ...range, source, target } });
  const { data } = answer;
  const { answer: deploys } = useDeploys();
  const marks = useMemo(
    () =>
      (deploys.data?.deploys ?? [])
        .filter(({ service }) => [source, target].includes(`service:${service}`))
        .map(({ time, service, to_version }): Mark => ({ timeS: time, text: `▼ ${service} ${to_version}` })),
    [deploys.data, source, target],
  );
  const [times, rate, errors, p95] = useMemo((): [number[], Line[], Line[], Line[]] => {
    if (!data) return [[], [], [], []];
    const length = data.series[0]?.requests.length ?? 0;
    return [
      Array.from({ length }, (_, place) => data.start + place * data.step_s),
      data.series.map((row) => ({ name: row.kind, values: row.requests.map((count) => count / data.step_s) })),
      data.series.map((row) => ({
        name: row.kind,
        values: row.errors.map((count, place) => (row.requests[place] ? count / (row.requests[place] ?? 1) : null)),
      })),
      data.series.map((row) => ({ name: `${row.kind} p95`, values: row.p95_ms })),
    ];
  }, [data]);
  const title = `${source} → ${target}`;
  return (
    <Panel title={title} right={<CloseButton size="sm" onClick={onClose} aria-label="Close the calls over time" />}>
      <Loaded of={answer}>
        {() =>
          times.length === 0 ? (
            <Empty title="No calls in this time range" />
          ) : (
            <SimpleGrid cols={{ base: 1, md: 3 }} spacing="sm">
              <Chart
                times={times}
                lines={rate}
                label={`Calls a second, ${title}`}
                format={formatRate}
                height={130}
                marks={marks}
              />
              <Chart
                times={times}
                lines={errors}
                label={`Share of errors, ${title}`}
                format={formatShare}
                height={130}
                marks={marks}
              />
              <Chart
                times={times}
                lines={p95}
                label={`Durations, ${title}`}
                format={formatMs}
                height={130}
                marks={marks}
              />
            </SimpleGrid>
          )
        }
      </Loaded>
    </Panel>
  );
}
