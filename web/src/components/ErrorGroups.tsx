import { Box, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../api/client';
import { formatTime } from '../lib/time';
import { formatCount } from '../lib/units';
import { useApiRange } from '../lib/useRange';
import { useShell } from '../shell/state';
import { Empty } from './Empty';
import { Loaded } from './Loaded';
import { ListRow, Rows } from './Rows';
import { Sparkline } from './Sparkline';

/** Exceptions and failures in groups, most frequent first; each opens one of its traces. */
export function ErrorGroups({ service = '', limit = 20 }: { service?: string; limit?: number }) {
  const range = useApiRange();
  const { utc } = useShell();
  const groups = useApi('/api/v1/errors', { query: { ...range, service, limit } });
  return (
    <Loaded of={groups}>
      {({ errors }) =>
        errors.length === 0 ? (
          <Empty title="No errors in this time range" />
        ) : (
          <Rows>
            {errors.map((group) => (
              <ListRow key={group.id}>
                <Sparkline
                  values={group.points}
                  label={`${group.type}: ${group.points.join(', ')} over time`}
                  color="var(--bad)"
                />
                <Box style={{ minWidth: 0, flex: 1 }}>
                  <Text size="sm" fw={600} className="cut">
                    {group.example_traces[0] ? (
                      <Link to="/traces/$traceId" params={{ traceId: group.example_traces[0] }} className="link">
                        {group.type || group.kind}
                      </Link>
                    ) : (
                      group.type || group.kind
                    )}
                  </Text>
                  <Text size="xs" className="cut quiet" title={group.example_message}>
                    {group.example_message || group.message || group.operation}
                  </Text>
                  <Text size="xs" className="cut quiet">
                    {group.sources.slice(0, 3).join(', ')} · last {formatTime(group.last_seen_ns / 1e6, utc)}
                    {group.new_in.length > 0 && (
                      <b style={{ color: 'var(--warn)' }}> · new in {group.new_in[0]?.version}</b>
                    )}
                  </Text>
                </Box>
                <Text size="sm" className="number" fw={600}>
                  {formatCount(group.count)}
                </Text>
              </ListRow>
            ))}
          </Rows>
        )
      }
    </Loaded>
  );
}
