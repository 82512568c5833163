import { Group, Stack, Title } from '@mantine/core';
import { type ReactNode, startTransition, useEffect, useState } from 'react';

/** A page with its name, in the heading and in the browser's tab. The name is painted before its content is made. */
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
  const [named, setNamed] = useState(false);
  useEffect(() => {
    const fill = () => startTransition(() => setNamed(true));
    if (document.visibilityState === 'hidden') return fill(); // which has no frames
    const frame = requestAnimationFrame(fill);
    return () => cancelAnimationFrame(frame);
  }, []);
  useEffect(() => {
    document.title = `${title} · Traceo`;
  }, [title]);
  return (
    <Stack gap="sm" aria-busy={!named || undefined}>
      <Group justify="space-between" gap="xs">
        <Title order={1} size="h3" style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
          {shown ?? title}
        </Title>
        {right}
      </Group>
      {named && children}
    </Stack>
  );
}
