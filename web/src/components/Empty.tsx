import { Code, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** Nothing to show: why that may be, and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={6} py="xl" px="md" role="status" style={{ minWidth: 0 }}>
      <Text fw={600}>{title}</Text>
      <Text size="sm" className="quiet" ta="center" maw="min(560px, 100%)" component="div" style={{ minWidth: 0 }}>
        {children}
      </Text>
    </Stack>
  );
}

/** The same for a page that no data has reached yet. */
export function SendData({ what }: { what: string }) {
  const host = window.location.hostname;
  return (
    <Empty title={`No ${what} in this time range`}>
      <p>Choose a longer range at the top, or send some. With any OpenTelemetry SDK:</p>
      <Code block ta="left" my="xs" tabIndex={0}>
        {`OTEL_SERVICE_NAME=my-service\nOTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4317`}
      </Code>
      <p>
        or see what a whole system looks like: <Code>traceo demo</Code>. How much has arrived is shown on{' '}
        <Link to="/usage" className="link in-text">
          Ingest and usage
        </Link>
        .
      </p>
    </Empty>
  );
}
