import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { linesOf } from '../../components/PatternList';
import { ListRow, Rows } from '../../components/Rows';
import { formatRate } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

/** Log patterns that the time before this range did not have. */
export function NewPatterns() {
  const range = useApiRange();
  const { refreshMs } = useShell();
  const compared = useApi(
    '/api/v1/logs/patterns/compare',
    { query: { ...range, limit: 8 } },
    { every: refreshMs && 60_000 },
  );
  return (
    <Panel title="New log patterns">
      <Loaded of={compared}>
        {({ new: found }) =>
          found.length === 0 ? (
            <Empty title="None that were not there before" />
          ) : (
            <Rows>
              {found.slice(0, 8).map((pattern) => (
                <ListRow key={pattern.pattern} justify="space-between">
                  <Text size="xs" className="mono cut" title={pattern.example} style={{ flex: 1, minWidth: 0 }}>
                    <Link to="/logs" search={{ q: linesOf(pattern.service, pattern.template) }} className="plain">
                      {pattern.template}
                    </Link>
                  </Text>
                  <Text size="xs" className="quiet cut" maw={140} style={{ flex: 'none' }}>
                    {pattern.service}
                  </Text>
                  <Text size="sm" className="number" fw={600}>
                    {formatRate(pattern.after / 60)}
                  </Text>
                </ListRow>
              ))}
            </Rows>
          )
        }
      </Loaded>
    </Panel>
  );
}
