import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { ListRow, Rows } from '../../components/Rows';
import { spanOf } from '../../lib/time';
import { formatCount } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

const SHOWN = 6;
const READ = 500;

/** Error groups that as long a time before this range did not have. */
export function NewErrors() {
  const range = useApiRange();
  const shell = useShell();
  const before = useMemo(() => {
    const { startMs, endMs } = spanOf(shell.range);
    return { start: ((2 * startMs - endMs) / 1000).toFixed(0), end: (startMs / 1000).toFixed(0) };
  }, [shell.range]);
  const every = shell.refreshMs && 60_000;
  const now = useApi('/api/v1/errors', { query: { ...range, limit: READ, points: 1 } }, { every });
  const then = useApi('/api/v1/errors', { query: { ...before, limit: READ, points: 1 } }, { every: false });
  const known = useMemo(() => new Set(then.data?.errors.map(({ id }) => id)), [then.data]);
  return (
    <Panel title="New errors">
      <Loaded of={then}>
        {() => (
          <Loaded of={now}>
            {({ errors }) => {
              const found = errors.filter(({ id }) => !known.has(id)).slice(0, SHOWN);
              if (found.length === 0) return <Empty title="None that were not there before" />;
              return (
                <Rows>
                  {found.map((error) => (
                    <ListRow key={error.id} justify="space-between">
                      <Text size="sm" className="cut" style={{ minWidth: 0 }} title={error.example_message}>
                        {error.example_traces[0] ? (
                          <Link className="link" to="/traces/$traceId" params={{ traceId: error.example_traces[0] }}>
                            {error.type || error.operation}
                          </Link>
                        ) : (
                          error.type || error.operation
                        )}{' '}
                        <span className="quiet">
                          {[...new Set(error.versions.map(({ service }) => service))].slice(0, 2).join(', ')}{' '}
                          {error.example_message}
                        </span>
                      </Text>
                      <Text size="sm" className="number" fw={600}>
                        {formatCount(error.count)}
                      </Text>
                    </ListRow>
                  ))}
                </Rows>
              );
            }}
          </Loaded>
        )}
      </Loaded>
    </Panel>
  );
}
