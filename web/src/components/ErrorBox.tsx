import { Alert, Button, Code, Group, Text } from '@mantine/core';
import type { ApiError } from '../api/client';

const ADVICE: Record<number, string> = {
  0: 'Is the server running, and reachable from this browser?',
  401: 'Log in with a token: the key symbol at the foot of the menu.',
  403: 'This token may not do that: ask for one with the scope that is named, or for another tenant.',
  422: 'Choose a shorter time range or a narrower filter.',
  429: 'Too much was asked at once. The page tries again by itself.',
  503: 'The store does not answer. The page tries again by itself.',
};

/** What went wrong, where, and what to do; the page keeps what it had. */
export function ErrorBox({ error, query, retry }: { error: ApiError; query?: string; retry?: () => void }) {
  const { message, position, hint } = error.problem;
  const at = typeof position === 'number' && query ? position : null;
  return (
    <Alert
      color="red"
      variant="light"
      role="alert"
      title="That did not work"
      styles={{ label: { color: 'var(--bad)' } }}
      style={{ overflowWrap: 'anywhere' }}
    >
      <Text size="sm">{message}</Text>
      {at !== null && query && (
        <Code block mt="xs">
          {`${query}\n${' '.repeat(at)}^`}
        </Code>
      )}
      <Group justify="space-between" mt="xs" wrap="nowrap">
        <Text size="sm">{hint || ADVICE[error.status] || ''}</Text>
        {retry && (
          <Button variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
