import { Group, Stack, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

/** A page with its name, in the heading and in the browser's tab. */
export function Page({
  title,
  shown,
  right,
  children,
}: {
  title: string;
  shown?: ReactNode;
  right?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Traceo`;
  }, [title]);
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Title order={1} size="h3" style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
          {shown ?? title}
        </Title>
        {right}
      </Group>
      {children}
    </Stack>
  );
}
