import { Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { linesOf } from '../../components/PatternList';
import { formatCount } from '../../lib/units';
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
            <ul style={{ margin: 0, padding: 0, listStyle: 'none' }}>
              {found.slice(0, 8).map((pattern) => (
                <Group
                  component="li"
                  key={pattern.pattern}
                  justify="space-between"
                  px="sm"
                  py={5}
                  wrap="nowrap"
                  style={{ borderBottom: '1px solid var(--line)' }}
                >
                  <Text size="xs" className="mono cut" title={pattern.example}>
                    <Link to="/logs" search={{ q: linesOf(pattern.service, pattern.template) }} className="plain">
                      {pattern.template}
                    </Link>
                  </Text>
                  <Text size="sm" className="number">
                    {pattern.service} <b>{formatCount(pattern.after)}</b>
                  </Text>
                </Group>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}
