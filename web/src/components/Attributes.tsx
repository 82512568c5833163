import { Text } from '@mantine/core';
import type { ReactNode } from 'react';

/** Values as text; objects as JSON. What comes from outside is never taken for markup. */
export function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

interface Props {
  of: Record<string, unknown>;
  action?: (key: string, value: string) => ReactNode;
}

/** Attributes in order of their names. */
export function Attributes({ of, action }: Props) {
  const entries = Object.entries(of).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) {
    return (
      <Text size="xs" className="quiet">
        none
      </Text>
    );
  }
  return (
    <dl
      style={{
        margin: 0,
        display: 'grid',
        gridTemplateColumns: 'minmax(90px, max-content) minmax(0, 1fr) auto',
        columnGap: 10,
        rowGap: 2,
        fontSize: 12,
      }}
    >
      {entries.map(([key, value]) => (
        <div key={key} style={{ display: 'contents' }}>
          <dt className="quiet" style={{ overflowWrap: 'anywhere', maxWidth: 200 }}>
            {key}
          </dt>
          <dd
            className="mono"
            style={{ margin: 0, overflowWrap: 'anywhere', whiteSpace: 'pre-wrap', maxHeight: 240, overflow: 'auto' }}
          >
            {show(value)}
          </dd>
          <dd style={{ margin: 0 }}>{action?.(key, show(value))}</dd>
        </div>
      ))}
    </dl>
  );
}
