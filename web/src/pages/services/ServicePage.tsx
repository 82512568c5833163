import { Alert, Group, Tabs, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { ErrorGroups } from '../../components/ErrorGroups';
import { HealthMark } from '../../components/HealthMark';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { Figure, RedCells, RedHeads } from '../../components/Red';
import { RedCharts } from '../../components/RedCharts';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

type Service = Answer<'/api/v1/catalog/{service}'>;

const TABS = ['operations', 'dependencies', 'errors', 'logs', 'deploys', 'instances'] as const;

/** Everything about one service. */
export default function ServicePage() {
  const { service } = useParams({ from: '/services/$service' });
  const { tab = 'operations' } = useSearch({ from: '/services/$service' });
  const navigate = useNavigate({ from: '/services/$service' });
  const range = useApiRange();
  const answer = useApi('/api/v1/catalog/{service}', { path: { service }, query: range });
  const deploys = answer.data?.deploys;
  const marks = useMemo(
    () => deploys?.map(({ time, to_version }) => ({ timeS: time, text: `▼ ${to_version}` })),
    [deploys],
  );
  return (
    <Page title={service} right={<Jumps service={service} />}>
      <Loaded of={answer}>
        {(found) => (
          <>
            <Head of={found} />
            <RedCharts service={service} marks={marks} />
            <Tabs
              value={tab}
              onChange={(next) =>
                void navigate({ search: (before) => ({ ...before, tab: next ?? undefined }), replace: true })
              }
              keepMounted={false}
            >
              <Tabs.List>
                {TABS.map((name) => (
                  <Tabs.Tab key={name} value={name}>
                    {name[0]?.toUpperCase() + name.slice(1)}
                    {name === 'deploys' && found.deploys.length > 0 ? ` (${found.deploys.length})` : ''}
                  </Tabs.Tab>
                ))}
              </Tabs.List>
              <Tabs.Panel value="operations" pt="sm">
                <Operations of={found} />
              </Tabs.Panel>
              <Tabs.Panel value="dependencies" pt="sm">
                <Dependencies of={found} />
              </Tabs.Panel>
              <Tabs.Panel value="errors" pt="sm">
                <Panel title="Error groups">
                  <ErrorGroups service={service} />
                </Panel>
              </Tabs.Panel>
              <Tabs.Panel value="logs" pt="sm">
                <Panel title="Log patterns">
                  <PatternList service={service} />
                </Panel>
              </Tabs.Panel>
              <Tabs.Panel value="deploys" pt="sm">
                <Deploys of={found} />
              </Tabs.Panel>
              <Tabs.Panel value="instances" pt="sm">
                <Instances of={found} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Jumps({ service }: { service: string }) {
  const quoted = JSON.stringify(service);
  return (
    <Group gap="sm">
      <Link className="link" to="/traces" search={{ q: `{ resource.service.name = ${quoted} }` }}>
        Traces
      </Link>
      <Link className="link" to="/logs" search={{ q: `{service_name=${quoted}}` }}>
        Logs
      </Link>
      <Link className="link" to="/map" search={{ focus: service }}>
        Map
      </Link>
    </Group>
  );
}

function Head({ of }: { of: Service }) {
  return (
    <Group gap="lg" className="panel" p="sm">
      <Figure
        name="Health"
        value={of.health}
        tone={of.health === 'failing' ? 'var(--bad)' : of.health === 'degraded' ? 'var(--warn)' : undefined}
      />
      <Figure name="Rate" value={formatRate(of.rate_per_s)} />
      <Figure name="Errors" value={formatShare(of.error_ratio)} />
      <Figure name="p50" value={formatMs(of.p50_ms)} />
      <Figure name="p95" value={formatMs(of.p95_ms)} />
      <Figure name="p99" value={formatMs(of.p99_ms)} />
      <Facts of={of} />
    </Group>
  );
}

function Facts({ of }: { of: Service }) {
  const facts = [
    ['Version', of.versions.join(', ')],
    ['Language', of.languages.join(', ')],
    ['Environment', of.environments.join(', ')],
    ['Namespace', of.namespaces.join(', ')],
  ].filter(([, value]) => value);
  return (
    <dl style={{ margin: 0, display: 'grid', gridTemplateColumns: 'auto 1fr', columnGap: 10 }}>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <Text component="dt" size="xs" className="quiet">
            {name}
          </Text>
          <Text component="dd" size="xs" m={0} className="cut" maw={280}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  );
}

function Operations({ of }: { of: Service }) {
  if (of.operations.length === 0) return <Empty title="This service sends no spans" />;
  return (
    <Scroll label="Operations" maxHeight="none" className="panel">
      <table className="grid">
        <thead>
          <tr>
            <th>Operation</th>
            <th>Kind</th>
            <RedHeads />
            <th className="number">Longest</th>
          </tr>
        </thead>
        <tbody>
          {of.operations.map((row) => (
            <tr key={`${row.operation} ${row.kind}`}>
              <td>
                <Link
                  className="link"
                  to="/traces"
                  search={{
                    q: `{ resource.service.name = ${JSON.stringify(of.service)} && name = ${JSON.stringify(row.operation)} }`,
                  }}
                >
                  {row.operation}
                </Link>
              </td>
              <td className="quiet">{row.kind}</td>
              <RedCells of={row} />
              <td className="number">{formatMs(row.max_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

type Edge = Service['upstream'][number];

function Dependencies({ of }: { of: Service }) {
  const table = (title: string, edges: Edge[], end: 'source' | 'target') => (
    <Panel title={title}>
      {edges.length === 0 ? (
        <Empty title="None in this time range" />
      ) : (
        <Scroll label={`${title}: calls`} maxHeight="none">
          <table className="grid">
            <thead>
              <tr>
                <th>Health</th>
                <th>Name</th>
                <th>Kind</th>
                <RedHeads />
              </tr>
            </thead>
            <tbody>
              {edges.map((edge) => (
                <tr key={`${edge[end]} ${edge.kind}`}>
                  <td>
                    <HealthMark health={edge.health} />
                  </td>
                  <td>
                    <NodeLink id={edge[end]} />
                  </td>
                  <td className="quiet">{edge.kind}</td>
                  <RedCells of={edge} />
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
  return (
    <Group align="flex-start" grow gap="sm" preventGrowOverflow={false}>
      {table('Called by', of.upstream, 'source')}
      {table('Calls', of.downstream, 'target')}
    </Group>
  );
}

/** A node's id is its type and name. */
export function NodeLink({ id }: { id: string }) {
  const [type = '', ...rest] = id.split(':');
  const name = rest.join(':');
  if (type !== 'service') return <>{`${name} (${type})`}</>;
  return (
    <Link to="/services/$service" params={{ service: name }} className="link">
      {name}
    </Link>
  );
}

function Deploys({ of }: { of: Service }) {
  const { utc } = useShell();
  return (
    <>
      {of.deploys.map((deploy) => (
        <Alert
          key={`${deploy.environment} ${deploy.time}`}
          variant="light"
          color={deploy.rollback ? 'orange' : 'indigo'}
          mb="xs"
          p="xs"
        >
          <Text size="sm">
            <b>{formatTime(deploy.time * 1000, utc)}</b> {deploy.rollback ? 'rolled back' : 'deployed'}:{' '}
            {deploy.from_version || 'nothing'} → <b>{deploy.to_version}</b>
            {deploy.environment && ` in ${deploy.environment}`}
          </Text>
        </Alert>
      ))}
      {of.releases.length === 0 ? (
        <Empty title="No versions are known">Set the resource attribute service.version, and deploys are seen.</Empty>
      ) : (
        <Scroll label="Versions" maxHeight="none" className="panel">
          <table className="grid">
            <thead>
              <tr>
                <th>Version</th>
                <th>Environment</th>
                <RedHeads />
                <th>First seen</th>
                <th>Last seen</th>
              </tr>
            </thead>
            <tbody>
              {of.releases.map((row) => (
                <tr key={`${row.version} ${row.environment}`}>
                  <td className="mono">{row.version || '(none)'}</td>
                  <td>{row.environment}</td>
                  <RedCells of={row} />
                  <td>{formatTime(row.first_seen * 1000, utc)}</td>
                  <td>{formatTime(row.last_seen * 1000, utc)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}

function Instances({ of }: { of: Service }) {
  const lists: [string, string[]][] = [
    ['Instances', of.instances],
    ['Pods', of.pods],
    ['Hosts', of.hosts],
    ['SDK', of.sdk_versions],
  ];
  return (
    <Group align="flex-start" grow>
      {lists.map(([title, names]) => (
        <Panel key={title} title={`${title} (${names.length})`}>
          <Text component="ul" size="sm" className="mono" m={0} px="xl" py="xs">
            {names.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </Text>
        </Panel>
      ))}
    </Group>
  );
}
