import { ActionIcon, Autocomplete, Group, Select } from '@mantine/core';

const OFFERED = 200;

interface Side {
  text: string;
  label: string;
  placeholder: string;
  offered: string[];
}

interface Props {
  left: Side;
  op: string;
  operators: readonly string[];
  right: Side;
  change: (next: { left: string; op: string; right: string }) => void;
  remove: () => void;
}

/** One condition of a query that is put together by choosing: what, compared how, with what. */
export function ConditionLine({ left, op, operators, right, change, remove }: Props) {
  const now = { left: left.text, op, right: right.text };
  return (
    <Group gap="xs" wrap="nowrap">
      <Autocomplete
        aria-label={left.label}
        placeholder={left.placeholder}
        size="xs"
        data={left.offered}
        limit={OFFERED}
        value={left.text}
        onChange={(text) => change({ ...now, left: text })}
        style={{ flex: 1, minWidth: 0 }}
      />
      <Select
        aria-label="Compared how"
        data={operators}
        value={op}
        onChange={(next) => change({ ...now, op: next ?? '=' })}
        w={68}
        allowDeselect={false}
      />
      <Autocomplete
        aria-label={right.label}
        placeholder={right.placeholder}
        size="xs"
        data={right.offered}
        limit={OFFERED}
        value={right.text}
        onChange={(text) => change({ ...now, right: text })}
        style={{ flex: 1, minWidth: 0 }}
      />
      <ActionIcon
        variant="default"
        size={30}
        aria-label={`Remove the condition on ${left.text || 'nothing yet'}`}
        onClick={remove}
      >
        ×
      </ActionIcon>
    </Group>
  );
}
