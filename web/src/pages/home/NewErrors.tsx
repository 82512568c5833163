import { useMemo } from 'react';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { NewErrorRows } from '../../components/NewErrorRows';
import { Panel } from '../../components/Panel';
import { spanOf } from '../../lib/time';
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
              return <NewErrorRows of={found} withServices />;
            }}
          </Loaded>
        )}
      </Loaded>
    </Panel>
  );
}
