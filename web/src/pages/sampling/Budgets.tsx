import { Box, Group, Progress, Text } from '@mantine/core';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { formatBytes, formatCount, formatShare } from '../../lib/units';

const STATES: Record<string, string> = { over: 'red', met: 'teal', under: 'indigo', idle: 'gray' };

/** How close each budget is to its target. */
export function Budgets() {
  const answer = useApi('/api/v1/sampling/budgets');
  return (
    <Loaded of={answer}>
      {({ budgets, dry_run }) =>
        budgets.length === 0 ? (
          <Empty title="No budgets">
            A policy set may have some: spans per second, bytes per day, or money per month.
          </Empty>
        ) : (
          <Group align="stretch" gap="sm">
            {dry_run && <Text size="sm">The set runs dry: nothing is dropped, and budgets only count.</Text>}
            {budgets.map((budget) => {
              const format = budget.unit.startsWith('bytes') ? formatBytes : formatCount;
              const use = budget.last_hour / budget.target;
              return (
                <Box key={`${budget.scope} ${budget.name}`} miw={300} style={{ flex: 1 }}>
                  <Panel title={budget.name}>
                    <Box p="sm">
                      <Text size="sm">
                        {format(budget.last_hour)} of {format(budget.target)} {budget.unit.replaceAll('_', ' ')}
                      </Text>
                      <Progress
                        value={Math.min(100, use * 100)}
                        color={STATES[budget.state]}
                        my={6}
                        aria-label={`${budget.name}: ${formatShare(use)} of its target`}
                      />
                      <Text size="xs" className="quiet">
                        {budget.state} · {budget.scope} · factor{' '}
                        {budget.factor === null ? 'none yet' : budget.factor.toFixed(3)} · errors and slow traces{' '}
                        {formatShare(budget.exempt.share)} of it
                      </Text>
                      {budget.notes.map((note) => (
                        <Text key={note} size="xs" style={{ color: 'var(--warn)' }}>
                          {note}
                        </Text>
                      ))}
                    </Box>
                  </Panel>
                </Box>
              );
            })}
          </Group>
        )
      }
    </Loaded>
  );
}
