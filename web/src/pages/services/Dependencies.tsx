import { Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '../../components/Empty';
import { HealthMark } from '../../components/HealthMark';
import { NodeLink } from '../../components/NodeLink';
import { Panel } from '../../components/Panel';
import { RedCells, RedHeads } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import type { Service } from './ServicePage';

type Edge = Service['upstream'][number];

const PARTS: [string, (edge: Edge) => boolean][] = [
  ['Services that it calls', ({ target }) => target.startsWith('service:')],
  ['Databases', ({ target }) => target.startsWith('database:')],
  ['Queues', ({ target }) => target.startsWith('queue:')],
  ['External hosts', ({ target }) => target.startsWith('external:')],
];

/** Who calls it, and what it calls: services, databases, queues, hosts outside. */
export function Dependencies({ of }: { of: Service }) {
  const parts = PARTS.map(([title, belongs]) => ({ title, edges: of.downstream.filter(belongs) }));
  return (
    <Stack gap="sm">
      <Calls title="Called by" edges={of.upstream} end="source" />
      {of.downstream.length === 0 && <Calls title="Calls" edges={[]} end="target" />}
      {parts.map(({ title, edges }) => edges.length > 0 && <Calls key={title} {...{ title, edges }} end="target" />)}
    </Stack>
  );
}

function Calls({ title, edges, end }: { title: string; edges: Edge[]; end: 'source' | 'target' }) {
  return (
    <Panel title={title}>
      {edges.length === 0 ? (
        <Empty title="None in this time range" />
      ) : (
        <Scroll label={`${title}: calls`} maxHeight="none">
          <table className="grid">
            <thead>
              <tr>
                <th style={{ width: 70 }}>Health</th>
                <th>Name</th>
                <th>Kind</th>
                <RedHeads />
                <th>Charts</th>
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
                  <td>
                    <Link className="link" to="/map" search={{ source: edge.source, target: edge.target }}>
                      over time
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
