import { Group, Text } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { catalogQuery } from '../../api/ahead';
import { type Answer, useApi } from '../../api/client';
import { SendData } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { HealthMark } from '../../components/HealthMark';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Errors } from '../../components/Red';
import { SearchBox } from '../../components/SearchBox';
import { IconSearch } from '../../lib/icons';
import { formatMs, formatRate, plural } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';

type Entry = Answer<'/api/v1/catalog'>['services'][number];

const WORST_FIRST = ['failing', 'degraded', 'healthy', 'idle'];

const COLUMNS: Column<Entry>[] = [
  {
    name: 'Health',
    width: 70,
    by: ({ health }) => WORST_FIRST.indexOf(health),
    cell: ({ health }) => <HealthMark health={health} />,
  },
  {
    name: 'Service',
    by: ({ service }) => service,
    cell: ({ service }) => (
      <Link to="/services/$service" params={{ service }} className="link">
        {service}
      </Link>
    ),
  },
  { name: 'Rate', number: true, by: (row) => row.rate_per_s, cell: (row) => formatRate(row.rate_per_s) },
  { name: 'Errors', number: true, by: (row) => row.error_ratio, cell: (row) => <Errors share={row.error_ratio} /> },
  { name: 'p50', number: true, by: (row) => row.p50_ms ?? -1, cell: (row) => formatMs(row.p50_ms) },
  { name: 'p95', number: true, by: (row) => row.p95_ms ?? -1, cell: (row) => formatMs(row.p95_ms) },
  { name: 'p99', number: true, by: (row) => row.p99_ms ?? -1, cell: (row) => formatMs(row.p99_ms) },
  {
    name: 'Apdex',
    number: true,
    by: (row) => row.apdex ?? -1,
    cell: (row) => (row.apdex === null ? '–' : row.apdex.toFixed(2)),
  },
  { name: 'Version', by: (row) => row.versions[0] ?? '', cell: (row) => row.versions.slice(0, 3).join(', ') },
  { name: 'Language', by: (row) => row.languages[0] ?? '', cell: (row) => row.languages.join(', ') },
  { name: 'Instances', number: true, by: (row) => row.instances.length, cell: (row) => row.instances.length || '–' },
  { name: 'Team', by: (row) => row.owner?.team ?? '', cell: (row) => row.owner?.team ?? '' },
  { name: 'Tier', by: (row) => row.owner?.tier ?? '', cell: (row) => row.owner?.tier ?? '' },
  { name: 'Signals', cell: (row) => row.signals.join(', ') },
];

/** Every service, sortable, with a search over names, versions, languages and namespaces. */
export default function ServicesPage() {
  const { find = '', sort = 'Health', order = 'up' } = useSearch({ from: '/services' });
  const navigate = useNavigate({ from: '/services' });
  const range = useApiRange();
  const catalog = useApi('/api/v1/catalog', { query: catalogQuery(range, find) });
  return (
    <Page
      title="Services"
      right={
        <Group gap="sm">
          <Text size="sm" className="quiet" role="status">
            {catalog.data ? plural(catalog.data.total, 'service') : ''}
          </Text>
          <SearchBox
            label="Find services"
            placeholder="Name, version, language, namespace"
            leftSection={<IconSearch size={14} aria-hidden />}
            value={find}
            w={{ base: 200, sm: 280 }}
            onSearch={(text) =>
              void navigate({ search: (before) => ({ ...before, find: text || undefined }), replace: true })
            }
          />
        </Group>
      }
    >
      <Loaded of={catalog} lines={12}>
        {({ services, total }) =>
          total === 0 && !find ? (
            <SendData what="services" />
          ) : (
            <Grid
              caption="Services with rate, errors and durations"
              rows={services}
              columns={COLUMNS}
              rowKey={({ service }) => service}
              sort={{ name: sort, down: order === 'down' }}
              onSort={(next) =>
                void navigate({
                  search: (before) => ({ ...before, sort: next.name, order: next.down ? 'down' : 'up' }),
                  replace: true,
                })
              }
            />
          )
        }
      </Loaded>
    </Page>
  );
}
