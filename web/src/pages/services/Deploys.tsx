import { Stack, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { Empty } from '../../components/Empty';
import { Panel } from '../../components/Panel';
import { RedCells, RedHeads } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';
import { Comparison } from './Comparison';
import type { Service } from './ServicePage';
import type { Deploy } from './useComparison';

/** Deploys within the range, one of them compared with the time before it; and all versions. */
export function Deploys({ of }: { of: Service }) {
  const { utc } = useShell();
  const [time, setTime] = useState<number | null>(null);
  const chosen = of.deploys.find((deploy) => deploy.time === time) ?? of.deploys.at(-1);
  if (of.releases.length === 0)
    return (
      <Empty title="No versions are known">Set the resource attribute service.version, and deploys are seen.</Empty>
    );
  return (
    <Stack gap="sm">
      {chosen ? (
        <Comparison key={chosen.time} of={of} deploy={chosen} />
      ) : (
        <Empty title="No deploy within this time range" />
      )}
      {of.deploys.length > 0 && <Moments deploys={of.deploys} chosen={chosen} onChoose={setTime} />}
      <Panel title="Versions">
        <Scroll label="Versions in a table" maxHeight="none">
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
      </Panel>
    </Stack>
  );
}

interface MomentsProps {
  deploys: Deploy[];
  chosen?: Deploy;
  onChoose: (time: number) => void;
}

function Moments({ deploys, chosen, onChoose }: MomentsProps) {
  const { utc } = useShell();
  return (
    <Panel title="Deploys">
      <Scroll label="Deploys in a table" maxHeight="none">
        <table className="grid">
          <thead>
            <tr>
              <th>Time</th>
              <th>What</th>
              <th>From</th>
              <th>To</th>
              <th>Environment</th>
            </tr>
          </thead>
          <tbody>
            {[...deploys].reverse().map((deploy) => (
              <tr key={`${deploy.environment} ${deploy.time}`}>
                <td>
                  <UnstyledButton
                    className="link"
                    fz="sm"
                    aria-pressed={deploy === chosen}
                    fw={deploy === chosen ? 600 : undefined}
                    onClick={() => onChoose(deploy.time)}
                  >
                    {formatTime(deploy.time * 1000, utc)}
                  </UnstyledButton>
                </td>
                <td>{deploy.rollback ? 'rolled back' : 'deployed'}</td>
                <td className="mono">{deploy.from_version || '(none)'}</td>
                <td className="mono">{deploy.to_version || '(none)'}</td>
                <td>{deploy.environment}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
