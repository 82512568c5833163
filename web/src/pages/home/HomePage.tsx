import { Group, SimpleGrid, Text } from '@mantine/core';
import { useMemo } from 'react';
import { worstQuery } from '../../api/ahead';
import { useApi } from '../../api/client';
import { Chart, type Line } from '../../components/Chart';
import { SendData } from '../../components/Empty';
import { ErrorGroups } from '../../components/ErrorGroups';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { Figure } from '../../components/Red';
import { rates, useRed } from '../../lib/red';
import { formatCount, formatRate, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { Coming } from './Coming';
import { IngestState } from './IngestState';
import { NewErrors } from './NewErrors';
import { NewPatterns } from './NewPatterns';
import { RecentDeploys } from './RecentDeploys';
import { SamplingState } from './SamplingState';
import { useDeploys } from './useDeploys';
import { Worse } from './Worse';
import { WorstServices } from './WorstServices';

const BUSIEST = 8;

/** The health of everything at a glance. */
export default function HomePage() {
  const range = useApiRange();
  const catalog = useApi('/api/v1/catalog', { query: worstQuery(range) });
  const { red } = useRed({ points: 40, durations: false, limit: BUSIEST });
  const { answer: deploys, marks } = useDeploys();
  const traffic = useMemo((): Line[] => {
    if (!red) return [];
    return red.series.map((series) => ({ name: series.service, values: rates(series, red.stepS) }));
  }, [red]);
  return (
    <Page title="Overview">
      <Loaded of={catalog} lines={10}>
        {({ services, total, summary }) => {
          if (total === 0) return <SendData what="services" />;
          const bad = summary.health.failing + summary.health.degraded;
          return (
            <>
              <Group className="panel" p="sm" gap="xl">
                <Figure name="Services" value={formatCount(total)} />
                <Figure name="Not healthy" value={formatCount(bad)} tone={bad ? 'var(--bad)' : 'var(--good)'} />
                <Figure name="Requests" value={formatRate(summary.rate_per_s)} />
                <Figure name="Errors" value={formatShare(summary.error_ratio)} />
                <IngestState />
                <SamplingState />
              </Group>
              <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
                <WorstServices worst={services} total={total} />
                <Panel title="Traffic">
                  <Chart
                    times={red?.times ?? []}
                    lines={traffic}
                    label="Requests by service, with deploys"
                    format={formatRate}
                    height={220}
                    marks={marks}
                  />
                  <Text size="xs" className="quiet" px="sm" pb="xs">
                    Drag over the chart to look closer at a time.
                  </Text>
                </Panel>
                <Worse />
                <RecentDeploys of={deploys} />
                <NewErrors />
                <Panel title="Errors">
                  <ErrorGroups limit={6} />
                </Panel>
                <NewPatterns />
                <Panel title="Most frequent log patterns">
                  <PatternList limit={6} />
                </Panel>
              </SimpleGrid>
              <Coming />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
