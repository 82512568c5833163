import { Button, Group } from '@mantine/core';

const EXAMPLES = [
  ['Failed', '{ status = error }'],
  ['Slower than 1 s', '{ duration > 1s }'],
  ['Slow databases', '{ span.db.system != nil && duration > 100ms }'],
  ['Server errors', '{ span.http.response.status_code >= 500 }'],
  ['Failed below a server', '{ kind = server } >> { status = error }'],
] as const;

/** Queries to begin with. */
export function Examples({ run }: { run: (text: string) => void }) {
  return (
    <Group gap={6}>
      {EXAMPLES.map(([name, text]) => (
        <Button key={name} variant="default" size="compact-xs" onClick={() => run(text)} title={text}>
          {name}
        </Button>
      ))}
    </Group>
  );
}
