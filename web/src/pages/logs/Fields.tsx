import { Accordion, ActionIcon, Group, Text } from '@mantine/core';
import { useMemo } from 'react';
import { Panel } from '../../components/Panel';
import { formatShare } from '../../lib/units';
import { topFields } from './fieldCounts';
import { isStreamLabel, type Line } from './lines';

const SHOWN_VALUES = 8;

interface Props {
  lines: Line[];
  filter: (name: string, value: string, keep: boolean, isLabel: boolean) => void;
}

export function Fields({ lines, filter }: Props) {
  const fields = useMemo(() => topFields(lines), [lines]);
  return (
    <Panel title="Fields of these lines">
      <Accordion
        variant="default"
        styles={{
          control: { paddingBlock: 0, paddingInline: 10 },
          label: { paddingBlock: 5, fontSize: 12 },
          content: { padding: '0 10px 8px' },
        }}
      >
        {fields.map(({ name, values, lines: count }) => (
          <Accordion.Item key={name} value={name}>
            <Accordion.Control>
              {name} <span className="quiet">({values.length})</span>
            </Accordion.Control>
            <Accordion.Panel>
              {values.slice(0, SHOWN_VALUES).map(([value, lines_]) => (
                <Group key={value} gap={4} wrap="nowrap" justify="space-between">
                  <Text size="xs" className="cut mono" title={value}>
                    {value}
                  </Text>
                  <Group gap={2} wrap="nowrap">
                    <Text size="xs" className="quiet number">
                      {formatShare(lines_ / count)}
                    </Text>
                    <ActionIcon
                      size={16}
                      variant="default"
                      aria-label={`Only lines with ${name} ${value.slice(0, 60)}`}
                      onClick={() => filter(name, value, true, isStreamLabel(name))}
                    >
                      +
                    </ActionIcon>
                    <ActionIcon
                      size={16}
                      variant="default"
                      aria-label={`No lines with ${name} ${value.slice(0, 60)}`}
                      onClick={() => filter(name, value, false, isStreamLabel(name))}
                    >
                      −
                    </ActionIcon>
                  </Group>
                </Group>
              ))}
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Panel>
  );
}
