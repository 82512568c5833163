import { Group, type GroupProps } from '@mantine/core';
import type { ReactNode } from 'react';

/** A list with a line between its rows. */
export function Rows({ children }: { children: ReactNode }) {
  return <ul style={{ margin: 0, padding: 0, listStyle: 'none' }}>{children}</ul>;
}

export function ListRow({ children, ...group }: GroupProps) {
  return (
    <Group
      component="li"
      px="sm"
      py={6}
      gap="sm"
      wrap="nowrap"
      style={{ borderBottom: '1px solid var(--line)' }}
      {...group}
    >
      {children}
    </Group>
  );
}
