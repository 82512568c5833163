import { Box, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useId } from 'react';

/** A part of a page with a heading. */
export function Panel({ title, right, children }: { title: string; right?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <Box component="section" className="panel" aria-labelledby={id} style={{ minWidth: 0 }}>
      <Group justify="space-between" px="sm" py={6} wrap="nowrap" style={{ borderBottom: '1px solid var(--line)' }}>
        <Text component="h2" id={id} fw={600} size="sm" m={0} className="cut">
          {title}
        </Text>
        {right}
      </Group>
      {children}
    </Box>
  );
}
