import { Group, Tabs, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { ErrorGroups } from '../../components/ErrorGroups';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { PatternList } from '../../components/PatternList';
import { RedCells, RedHeads } from '../../components/Red';
import { RedCharts } from '../../components/RedCharts';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { formatMs } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';
import { Dependencies } from './Dependencies';
import { Deploys } from './Deploys';
import { Head } from './Head';
import { LastDeploy } from './LastDeploy';

export type Service = Answer<'/api/v1/catalog/{service}'>;

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
  const open = (next?: string) => void navigate({ search: (before) => ({ ...before, tab: next }), replace: true });
  return (
    <Page title={service} right={<Jumps service={service} />}>
      <Loaded of={answer}>
        {(found) => (
          <>
            <Head of={found} onChanged={() => void answer.refetch()} />
            <LastDeploy of={found} onOpen={() => open('deploys')} />
            <RedCharts service={service} marks={marks} />
            <Tabs value={tab} onChange={(next) => open(next ?? undefined)} keepMounted={false}>
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

function Instances({ of }: { of: Service }) {
  return (
    <>
      {of.processes.length > 0 && <Processes of={of} />}
      <Names of={of} />
    </>
  );
}

function Processes({ of }: { of: Service }) {
  const { utc } = useShell();
  return (
    <Scroll label="Processes" maxHeight="none" className="panel">
      <table className="grid">
        <thead>
          <tr>
            <th>Instance</th>
            <th>Pod</th>
            <th>Host</th>
            <th>Version</th>
            <RedHeads />
            <th className="number">Last seen</th>
          </tr>
        </thead>
        <tbody>
          {of.processes.map((row) => (
            <tr key={`${row.instance} ${row.pod} ${row.host} ${row.version}`}>
              <td className="mono">{row.instance || '–'}</td>
              <td className="mono">{row.pod || '–'}</td>
              <td className="mono">{row.host || '–'}</td>
              <td>{row.version || '–'}</td>
              <RedCells of={row} />
              <td className="number">{formatTime(row.last_seen * 1000, utc)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** What the service says of itself in any signal, and the table does not: all of it where no spans are sent. */
function Names({ of }: { of: Service }) {
  const told = new Set(of.processes.flatMap((row) => [row.instance, row.pod, row.host]));
  const all: [string, string[]][] = [
    ['Instances', of.instances],
    ['Pods', of.pods],
    ['Hosts', of.hosts],
    ['SDK', of.sdk_versions],
  ];
  const lists = all
    .map(([title, names]) => [title, names.filter((name) => !told.has(name))] as const)
    .filter(([, names]) => names.length > 0);
  return (
    <Group align="flex-start" grow mt="sm">
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
