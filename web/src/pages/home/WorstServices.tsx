import { Box } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Answer, ApiError } from '../../api/client';
import { HealthMark } from '../../components/HealthMark';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { Errors } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import { Sparkline } from '../../components/Sparkline';
import { useRed } from '../../lib/red';
import { formatCount, formatMs, formatRate } from '../../lib/units';

type Catalog = Answer<'/api/v1/catalog'>;

/** Services as they come: the worst first. */
export function WorstServices({ of }: { of: UseQueryResult<Catalog, ApiError> }) {
  return (
    <Panel
      title="Services, worst first"
      right={
        <Link className="link" to="/services">
          all {of.data ? formatCount(of.data.total) : ''}
        </Link>
      }
    >
      <Loaded of={of} lines={12}>
        {({ services }) => <Table worst={services} />}
      </Loaded>
    </Panel>
  );
}

function Table({ worst }: { worst: Catalog['services'] }) {
  const names = worst.map(({ service }) => service);
  const { red } = useRed({ service: names, points: 40, durations: false, enabled: names.length > 0 });
  const byName = new Map(red?.series.map((series) => [series.service, series]));
  return (
    <Scroll label="Services in a table" maxHeight="none">
      <table className="grid">
        <thead>
          <tr>
            <th>
              <span className="visually-hidden">Health</span>
            </th>
            <th>Service</th>
            <Box component="th" visibleFrom="sm">
              Requests over time
            </Box>
            <th className="number">Rate</th>
            <th className="number">Errors</th>
            <th className="number">p95</th>
          </tr>
        </thead>
        <tbody>
          {worst.map((row) => (
            <tr key={row.service}>
              <td>
                <HealthMark health={row.health} />
              </td>
              <td style={{ maxWidth: 'min(12rem, 24vw)' }}>
                <Link to="/services/$service" params={{ service: row.service }} className="link">
                  {row.service}
                </Link>
              </td>
              <Box component="td" visibleFrom="sm">
                <Sparkline
                  values={byName.get(row.service)?.requests ?? []}
                  label={`Requests of ${row.service} over time`}
                />
              </Box>
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
  );
}
