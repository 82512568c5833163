import { Group, Paper, Text } from '@mantine/core';
import { type Differences, KINDS, type Kind } from './differences';

/** What the signs of a difference mean, and how many of each there are. */
export function Legend({ differences }: { differences: Differences }) {
  const all = [...differences.nodes.values(), ...differences.edges.values()];
  const counts = (Object.keys(KINDS) as Kind[])
    .map((kind) => ({ kind, count: all.filter((each) => each.kind === kind).length }))
    .filter(({ count }) => count > 0);
  return (
    <Paper withBorder px="sm" py={4} pos="absolute" left={8} top={8} role="status">
      {counts.length === 0 ? (
        <Text size="xs">Nothing differs beyond chance</Text>
      ) : (
        <Group gap="sm">
          {counts.map(({ kind, count }) => (
            <Text key={kind} size="xs">
              <b style={{ color: `var(${KINDS[kind].color})` }} aria-hidden>
                {KINDS[kind].sign}
              </b>{' '}
              {count} {KINDS[kind].text}
            </Text>
          ))}
        </Group>
      )}
    </Paper>
  );
}
