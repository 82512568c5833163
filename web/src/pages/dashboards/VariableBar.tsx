import { Group, MultiSelect, Select, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Variable } from './model';
import { ALL } from './variables';

interface Props {
  variables: Variable[];
  choices: Record<string, string[]>;
  options: Record<string, string[]>;
  choose: (variable: Variable, values: string[]) => void;
}

/** A select, or a field, for each variable. */
export function VariableBar({ variables, choices, options, choose }: Props) {
  const shown = variables.filter(({ kind }) => kind !== 'constant');
  if (shown.length === 0) return null;
  return (
    <Group gap="sm" component="section" aria-label="Variables" align="flex-end">
      {shown.map((variable) => (
        <Choice
          key={variable.name}
          variable={variable}
          chosen={choices[variable.name] ?? []}
          options={options[variable.name] ?? []}
          choose={(values) => choose(variable, values)}
        />
      ))}
    </Group>
  );
}

interface ChoiceProps {
  variable: Variable;
  chosen: string[];
  options: string[];
  choose: (values: string[]) => void;
}

function Choice({ variable, chosen, options, choose }: ChoiceProps) {
  const label = variable.label || variable.name;
  if (variable.kind === 'text')
    return <Typed label={label} value={chosen[0] ?? ''} choose={(text) => choose([text])} />;
  // What was chosen before stays possible, also when it is not seen in this time range.
  const values = [...new Set([...options, ...chosen.filter((value) => value !== ALL)])];
  const data = [
    ...(variable.all ? [{ value: ALL, label: 'All' }] : []),
    ...values.map((value) => ({ value, label: value || '(empty)' })),
  ];
  if (variable.multiple)
    return (
      <MultiSelect
        label={label}
        size="xs"
        miw={180}
        maw={360}
        searchable
        clearable
        data={data}
        value={chosen}
        comboboxProps={{ withinPortal: true }}
        clearButtonProps={{ 'aria-label': `Clear ${label}` }}
        onChange={(next) => {
          // All stands alone: whoever chooses it gives up the rest, and the other way round.
          const added = next.find((value) => !chosen.includes(value));
          choose(added === ALL ? [ALL] : next.filter((value) => value !== ALL));
        }}
      />
    );
  return (
    <Select
      label={label}
      miw={140}
      maw={260}
      searchable
      allowDeselect={false}
      data={data}
      value={chosen[0] ?? null}
      onChange={(value) => value !== null && choose([value])}
    />
  );
}

/** Taken when Enter is pressed or the field is left: every key would be a query. */
function Typed({ label, value, choose }: { label: string; value: string; choose: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      label={label}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => text !== value && choose(text)}
      onKeyDown={(event) => event.key === 'Enter' && choose(text)}
    />
  );
}
