import { Group, SimpleGrid, Text } from '@mantine/core';
import { useMemo } from 'react';
import { catalogQuery } from '../../api/ahead';
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

const WORST_FIRST = ['failing', 'degraded', 'healthy', 'idle'];

/** The health of everything at a glance. */
export default function HomePage() {
  const range = useApiRange();
  const catalog = useApi('/api/v1/catalog', { query: catalogQuery(range) });
  const { red } = useRed({ points: 40, durations: false });
  const { answer: deploys, marks } = useDeploys();
  const byName = useMemo(() => new Map(red?.series.map((series) => [series.service, series])), [red]);
  const traffic = useMemo((): Line[] => {
    if (!red) return [];
    return red.series.slice(0, 8).map((series) => ({ name: series.service, values: rates(series, red.stepS) }));
  }, [red]);
  return (
    <Page title="Overview">
      <Loaded of={catalog} lines={10}>
        {({ services, total }) => {
          if (total === 0) return <SendData what="services" />;
          const bad = services.filter(({ health }) => health === 'failing' || health === 'degraded').length;
          const requests = services.reduce((sum, row) => sum + row.requests, 0);
          const failed = services.reduce((sum, row) => sum + row.errors, 0);
          const worst = [...services].sort(
            (a, b) => WORST_FIRST.indexOf(a.health) - WORST_FIRST.indexOf(b.health) || b.requests - a.requests,
          );
          return (
            <>
              <Group className="panel" p="sm" gap="xl">
                <Figure name="Services" value={formatCount(total)} />
                <Figure name="Not healthy" value={formatCount(bad)} tone={bad ? 'var(--bad)' : 'var(--good)'} />
                <Figure name="Requests" value={formatRate(services.reduce((sum, row) => sum + row.rate_per_s, 0))} />
                <Figure name="Errors" value={formatShare(requests ? failed / requests : 0)} />
                <IngestState />
                <SamplingState />
              </Group>
              <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
                <WorstServices worst={worst} total={total} red={byName} />
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
