import { Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Exported } from '../../components/Export';
import { Panel } from '../../components/Panel';
import { Figure } from '../../components/Red';
import { formatBytes, formatCount, formatShare } from '../../lib/units';
import type { Simulated } from './Policies';

/** What a set would have kept and lost, and how right figures would stay. */
export function Report({ of }: { of: Simulated }) {
  const { totals, losses, policies, figures, notes } = of;
  const lost = [
    ['Traces with errors', losses.errors.traces, losses.errors.lost, losses.errors.examples],
    ['Slow traces', losses.slow.traces, losses.slow.lost, losses.slow.examples],
    ['Services', losses.services.all, losses.services.lost, losses.services.list.flatMap(({ examples }) => examples)],
    [
      'Operations',
      losses.operations.all,
      losses.operations.lost,
      losses.operations.list.flatMap(({ examples }) => examples),
    ],
  ] as const;
  const errors = figures.services
    .flatMap(({ rate_per_s, p99_ms }) => [rate_per_s.error, p99_ms.error])
    .filter((error) => error !== null);
  const worst = errors.length ? Math.max(...errors.map(Math.abs)) : null;
  return (
    <Panel title="What it would have done">
      <Group className="figures" p="sm">
        <Figure name="Traces kept" value={formatShare(totals.traces.share)} />
        <Figure name="Spans kept" value={formatShare(totals.spans.share)} />
        <Figure name="Bytes kept" value={formatShare(totals.bytes.share)} />
        <Figure name="Saved" value={formatBytes(totals.bytes.all - totals.bytes.kept)} tone="var(--good)" />
        <Figure name="Largest error of a service's rate or p99" value={formatShare(worst)} />
      </Group>
      <Exported name="what would be lost">
        <table className="grid">
          <thead>
            <tr>
              <th>Of</th>
              <th className="number">All</th>
              <th className="number">Lost</th>
              <th>Examples</th>
            </tr>
          </thead>
          <tbody>
            {lost.map(([name, all, gone, examples]) => (
              <tr key={name}>
                <td>{name}</td>
                <td className="number">{formatCount(all)}</td>
                <td className="number">{gone > 0 ? <b style={{ color: 'var(--bad)' }}>{formatCount(gone)}</b> : 0}</td>
                <td className="mono">
                  {examples.slice(0, 3).map((id) => (
                    <Link
                      key={id}
                      className="link"
                      to="/traces/$traceId"
                      params={{ traceId: id }}
                      style={{ marginRight: 8 }}
                    >
                      {id.slice(0, 8)}
                    </Link>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Exported>
      <Exported name="what each policy would keep">
        <table className="grid">
          <thead>
            <tr>
              <th>Policy</th>
              <th>Type</th>
              <th className="number">Keeps</th>
              <th className="number">First</th>
              <th className="number">Alone</th>
            </tr>
          </thead>
          <tbody>
            {policies.map((policy) => (
              <tr key={policy.policy}>
                <td>{policy.policy}</td>
                <td className="quiet">{policy.type}</td>
                <td className="number">{formatCount(policy.keeps?.traces ?? policy.forbids?.traces)}</td>
                <td className="number">{formatCount(policy.first?.traces)}</td>
                <td className="number">{formatCount(policy.alone?.traces)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Exported>
      {notes.map((note) => (
        <Text key={note} size="xs" px="sm" py={4} className="quiet">
          {note}
        </Text>
      ))}
    </Panel>
  );
}
