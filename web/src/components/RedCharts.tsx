import { SimpleGrid } from '@mantine/core';
import { useMemo } from 'react';
import { errorShares, rates, useRed } from '../lib/red';
import { formatMs, formatRate, formatShare } from '../lib/units';
import { Chart, type Line, type Mark } from './Chart';
import { Empty } from './Empty';
import { Loaded } from './Loaded';
import { Panel } from './Panel';

/** Rate, errors and durations of a service or one of its operations, with its deploys. */
export function RedCharts({ service, operation, marks }: { service: string; operation?: string; marks?: Mark[] }) {
  const { answer, red } = useRed({ service, operation });
  const [rate, errors, durations] = useMemo((): [Line[], Line[], Line[]] => {
    const found = red?.series[0];
    if (!found || !red) return [[], [], []];
    return [
      [{ name: 'requests', values: rates(found, red.stepS) }],
      [{ name: 'errors', values: errorShares(found), color: '#e03131' }],
      [
        { name: 'p50', values: found.p50_ms ?? [] },
        { name: 'p95', values: found.p95_ms ?? [] },
        { name: 'p99', values: found.p99_ms ?? [] },
      ],
    ];
  }, [red]);
  const times = red?.times ?? [];
  return (
    <Loaded of={answer} lines={6}>
      {() =>
        rate.length === 0 ? (
          <Empty title="No spans of it in this time range" />
        ) : (
          <SimpleGrid cols={{ base: 1, md: 3 }} spacing="sm">
            <Panel title="Rate">
              <Chart times={times} lines={rate} label={`Rate of ${service}`} format={formatRate} marks={marks} />
            </Panel>
            <Panel title="Errors">
              <Chart times={times} lines={errors} label={`Errors of ${service}`} format={formatShare} marks={marks} />
            </Panel>
            <Panel title="Duration">
              <Chart
                times={times}
                lines={durations}
                label={`Durations of ${service}`}
                format={formatMs}
                marks={marks}
              />
            </Panel>
          </SimpleGrid>
        )
      }
    </Loaded>
  );
}
