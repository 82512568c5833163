import { Alert, List, SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Answer } from '../../api/client';
import { Loaded } from '../../components/Loaded';
import { NewErrorRows } from '../../components/NewErrorRows';
import { Panel } from '../../components/Panel';
import { type Figures, RedCells, RedHeads } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';
import type { Service } from './ServicePage';
import { type Deploy, useComparison, VERDICTS } from './useComparison';

type Compared = Answer<'/api/v1/services/{service}/compare'>;

/** Before and after a deploy: the verdict, figures, operations that changed, errors that were not there before. */
export function Comparison({ of, deploy }: { of: Service; deploy: Deploy }) {
  const { utc } = useShell();
  const { answer } = useComparison(of, deploy);
  const title = `${deploy.from_version || '(none)'} → ${deploy.to_version || '(none)'}, ${formatTime(deploy.time * 1000, utc)}`;
  return (
    <Loaded of={answer} lines={6}>
      {(found) => (
        <>
          <Alert
            variant="light"
            color={VERDICTS[found.verdict].color}
            p="sm"
            title={`${title}: ${VERDICTS[found.verdict].text}`}
          >
            <List size="sm" style={{ overflowWrap: 'anywhere' }}>
              {found.reasons.slice(0, 12).map((reason) => (
                <List.Item key={reason}>{reason}</List.Item>
              ))}
            </List>
          </Alert>
          <SimpleGrid cols={{ base: 1, lg: found.new_errors.length > 0 ? 2 : 1 }} spacing="sm">
            <FiguresBeforeAfter of={found} />
            {found.new_errors.length > 0 && <NewErrors of={found} />}
          </SimpleGrid>
        </>
      )}
    </Loaded>
  );
}

function FiguresBeforeAfter({ of }: { of: Compared }) {
  const { operations } = of;
  return (
    <Panel title="Before and after">
      <Scroll label="Figures before and after" maxHeight="none">
        <table className="grid">
          <thead>
            <tr>
              <th>What</th>
              <th>When</th>
              <RedHeads />
            </tr>
          </thead>
          <tbody>
            <Pair name="The service" before={of.before} after={of.after} />
            {operations.changed.map(({ before, after }) => (
              <Pair key={`${after.operation} ${after.kind}`} name={after.operation} before={before} after={after} />
            ))}
            {operations.new.map((row) => (
              <Row key={`new ${row.operation} ${row.kind}`} name={row.operation} when="new" of={row} />
            ))}
            {operations.gone.map((row) => (
              <Row key={`gone ${row.operation} ${row.kind}`} name={row.operation} when="gone" of={row} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function Pair({ name, before, after }: { name: string; before: Figures; after: Figures }) {
  return (
    <>
      <Row name={name} when="before" of={before} />
      <Row name="" when="after" of={after} />
    </>
  );
}

function Row({ name, when, of }: { name: ReactNode; when: string; of: Figures }) {
  return (
    <tr>
      <td>{name}</td>
      <td className="quiet">{when}</td>
      <RedCells of={of} />
    </tr>
  );
}

function NewErrors({ of }: { of: Compared }) {
  return (
    <Panel title="Errors that were not there before">
      <NewErrorRows of={of.new_errors} />
    </Panel>
  );
}
