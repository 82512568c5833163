import { Text } from '@mantine/core';
import { useMemo } from 'react';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { NodeLink } from '../../components/NodeLink';
import { Panel } from '../../components/Panel';
import { ListRow, Rows } from '../../components/Rows';
import { spanOf } from '../../lib/time';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

const DAY_MS = 86_400_000;
const NAMES: Record<string, [string, (value: number) => string]> = {
  error_ratio: ['errors', formatShare],
  p95_ms: ['p95', formatMs],
  rate_per_s: ['rate', formatRate],
};

/** What is worse than at the same time yesterday, beyond chance. */
export function Worse() {
  const range = useApiRange();
  const shell = useShell();
  const before = useMemo(() => {
    const { startMs, endMs } = spanOf(shell.range);
    return { before_start: ((startMs - DAY_MS) / 1000).toFixed(0), before_end: ((endMs - DAY_MS) / 1000).toFixed(0) };
  }, [shell.range]);
  const diff = useApi('/api/v1/map/diff', { query: { ...range, ...before } }, { every: shell.refreshMs && 60_000 });
  return (
    <Panel title="Worse than yesterday at this time">
      <Loaded of={diff}>
        {({ nodes }) => {
          const rows = nodes.changed.flatMap(({ after, changes }) =>
            changes
              .filter((change) =>
                change.figure === 'rate_per_s' ? change.after < change.before : change.after > change.before,
              )
              .map((change) => ({ id: after.id, change })),
          );
          if (rows.length === 0)
            return <Empty title="Nothing is">Services that were not there yesterday are not compared.</Empty>;
          return (
            <Rows>
              {rows.slice(0, 8).map(({ id, change }) => {
                const [name, format] = NAMES[change.figure] ?? [change.figure, String];
                return (
                  <ListRow key={`${id} ${change.figure}`} justify="space-between">
                    <Text size="sm" className="cut">
                      <NodeLink id={id} />
                    </Text>
                    <Text size="sm" className="number">
                      {name} {format(change.before)} → <b style={{ color: 'var(--bad)' }}>{format(change.after)}</b>
                    </Text>
                  </ListRow>
                );
              })}
            </Rows>
          );
        }}
      </Loaded>
    </Panel>
  );
}
