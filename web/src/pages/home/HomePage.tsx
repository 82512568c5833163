import { Group, SimpleGrid, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useApi } from '../../api/client';
import { Chart, type Line } from '../../components/Chart';
import { SendData } from '../../components/Empty';
import { ErrorGroups } from '../../components/ErrorGroups';
import { HealthMark } from '../../components/HealthMark';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { Errors, Figure } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import { Sparkline } from '../../components/Sparkline';
import { rates, useRed } from '../../lib/red';
import { formatCount, formatMs, formatRate, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { NewPatterns } from './NewPatterns';
import { SamplingState } from './SamplingState';
import { Worse } from './Worse';

const SHOWN = 12;
const WORST_FIRST = ['failing', 'degraded', 'healthy', 'idle'];

/** The health of everything at a glance. */
export default function HomePage() {
  const range = useApiRange();
  const catalog = useApi('/api/v1/catalog', { query: { ...range, limit: 1000 } });
  const { red } = useRed({ points: 40, durations: false });
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
                <SamplingState />
              </Group>
              <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
                <Panel
                  title="Services, worst first"
                  right={
                    <Link className="link" to="/services">
                      all {formatCount(total)}
                    </Link>
                  }
                >
                  <Scroll label="Services in a table" maxHeight="none">
                    <table className="grid">
                      <thead>
                        <tr>
                          <th>
                            <span className="visually-hidden">Health</span>
                          </th>
                          <th>Service</th>
                          <th>Requests over time</th>
                          <th className="number">Rate</th>
                          <th className="number">Errors</th>
                          <th className="number">p95</th>
                        </tr>
                      </thead>
                      <tbody>
                        {worst.slice(0, SHOWN).map((row) => (
                          <tr key={row.service}>
                            <td>
                              <HealthMark health={row.health} />
                            </td>
                            <td style={{ maxWidth: '12rem' }}>
                              <Link to="/services/$service" params={{ service: row.service }} className="link">
                                {row.service}
                              </Link>
                            </td>
                            <td>
                              <Sparkline
                                values={byName.get(row.service)?.requests ?? []}
                                label={`Requests of ${row.service} over time`}
                              />
                            </td>
                            <td className="number">{formatRate(row.rate_per_s)}</td>
                            <td className="number">
                              <Errors share={row.error_ratio} />
                            </td>
                            <td className="number">{formatMs(row.p95_ms)}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </Scroll>
                </Panel>
                <Panel title="Traffic">
                  <Chart
                    times={red?.times ?? []}
                    lines={traffic}
                    label="Requests by service"
                    format={formatRate}
                    height={220}
                  />
                  <Text size="xs" className="quiet" px="sm" pb="xs">
                    Drag over the chart to look closer at a time.
                  </Text>
                </Panel>
                <Worse />
                <Panel title="Errors">
                  <ErrorGroups limit={6} />
                </Panel>
                <NewPatterns />
                <Panel title="Most frequent log patterns">
                  <PatternList limit={6} />
                </Panel>
              </SimpleGrid>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
