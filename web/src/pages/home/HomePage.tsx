import { Group, SimpleGrid, Text } from '@mantine/core';
import { useMemo } from 'react';
import { worstQuery } from '../../api/ahead';
import { type Answer, useApi } from '../../api/client';
import { Chart, type Line } from '../../components/Chart';
import { SendData } from '../../components/Empty';
import { ErrorGroups } from '../../components/ErrorGroups';
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
const WAITING = '…';

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
  if (catalog.data?.total === 0) {
    return (
      <Page title="Overview">
        <SendData what="services" />
      </Page>
    );
  }
  return (
    <Page title="Overview">
      <Figures of={catalog.data} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
        <WorstServices of={catalog} />
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
    </Page>
  );
}

function Figures({ of }: { of?: Answer<'/api/v1/catalog'> }) {
  const bad = of && of.summary.health.failing + of.summary.health.degraded;
  return (
    <Group className="panel figures" p="sm" aria-busy={!of}>
      <Figure name="Services" value={of ? formatCount(of.total) : WAITING} />
      <Figure
        name="Not healthy"
        value={bad === undefined ? WAITING : formatCount(bad)}
        tone={bad === undefined ? undefined : bad ? 'var(--bad)' : 'var(--good)'}
      />
      <Figure name="Requests" value={of ? formatRate(of.summary.rate_per_s) : WAITING} />
      <Figure name="Errors" value={of ? formatShare(of.summary.error_ratio) : WAITING} />
      <IngestState />
      <SamplingState />
    </Group>
  );
}
