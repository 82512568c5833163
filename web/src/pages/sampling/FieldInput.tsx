import { Checkbox, MultiSelect, NumberInput, Select, TagsInput, TextInput } from '@mantine/core';
import type { FieldOf } from './PolicyForm';

interface Props {
  field: FieldOf;
  value: unknown;
  /** undefined: as if it were not said. */
  change: (value: unknown) => void;
}

/** `threshold_ms` -> "Threshold ms". */
function labelOf(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** A field by its kind; what is the default is left out of the document. */
export function FieldInput({ field, value, change }: Props) {
  const { kind, choices, required, default: usual } = field;
  const put = (next: unknown) =>
    change(!required && (next === usual || next === '' || next === null) ? undefined : next);
  const common = {
    label: labelOf(field.name),
    required,
    size: 'xs' as const,
    placeholder: usual === null || usual === '' ? undefined : shown(usual),
    style: { flex: '1 1 130px' },
  };
  const texts = Array.isArray(value) ? value.map(String) : [];
  const list = (next: string[]) => change(next.length === 0 && !required ? undefined : next);
  switch (kind) {
    case 'boolean':
      return (
        <Checkbox
          size="xs"
          label={common.label}
          checked={Boolean(value ?? usual)}
          onChange={(event) => put(event.currentTarget.checked)}
          pb={6}
        />
      );
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...common}
          value={typeof value === 'number' ? value : ''}
          allowDecimal={kind === 'number'}
          onChange={(next) => put(typeof next === 'number' ? next : '')}
        />
      );
    case 'texts':
      return choices.length > 0 ? (
        <MultiSelect {...common} data={choices} value={texts} onChange={list} />
      ) : (
        <TagsInput {...common} value={texts} onChange={list} splitChars={[',']} />
      );
    default:
      return choices.length > 0 ? (
        <Select {...common} data={choices} value={typeof value === 'string' ? value : null} onChange={put} clearable />
      ) : (
        <TextInput
          {...common}
          value={value === undefined || value === null ? '' : String(value)}
          onChange={(event) => put(event.currentTarget.value)}
        />
      );
  }
}
