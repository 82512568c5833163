import { ActionIcon, Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMemo } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Loaded } from '../../components/Loaded';
import { addTo, isRecord, moveIn, openPolicies, type Path, setAt } from '../../lib/policies';
import { FieldInput } from './FieldInput';

export type Types = Answer<'/api/v1/sampling/policies/types'>;
export type FieldOf = Types['set'][number];

interface Props {
  text: string;
  change: (text: string) => void;
}

/** The same document as a form: each change is one in the YAML, whose other parts and comments stay. */
export function PolicyForm({ text, change }: Props) {
  const types = useApi('/api/v1/sampling/policies/types', {}, { every: false });
  const opened = useMemo(() => openPolicies(text), [text]);
  if (typeof opened === 'string')
    return (
      <Alert color="yellow" variant="light" title="This cannot be shown as a form">
        {opened}. Mend it as YAML.
      </Alert>
    );
  return (
    <Loaded of={types}>
      {(found) => (
        <Stack gap="sm">
          <Policies
            list={opened.set.policies}
            path={[...opened.base, 'policies']}
            {...{ text, change }}
            types={found}
          />
          <details>
            <summary style={{ cursor: 'pointer', fontSize: 13 }}>The set as a whole, and budgets</summary>
            <Stack gap="xs" mt="xs">
              <Fields
                fields={found.set.filter(({ name }) => name !== 'policies')}
                values={opened.set}
                path={opened.base}
                {...{ text, change }}
                types={found}
              />
            </Stack>
          </details>
        </Stack>
      )}
    </Loaded>
  );
}

interface Below extends Props {
  path: Path;
  types: Types;
}

export function Policies({ list, path, text, change, types }: Below & { list: unknown }) {
  const policies = Array.isArray(list) ? (list as unknown[]) : [];
  const fresh = { name: `policy ${policies.length + 1}`, type: 'always_sample' };
  return (
    <Stack gap="xs">
      {policies.map((policy, place) => (
        <OnePolicy
          // biome-ignore lint/suspicious/noArrayIndexKey: a policy is its place
          key={place}
          policy={policy}
          path={[...path, place]}
          {...{ text, change, types }}
          earlier={place > 0 ? () => change(moveIn(text, path, place, place - 1)) : undefined}
          remove={() => change(setAt(text, [...path, place], undefined))}
        />
      ))}
      <Group>
        <Button variant="default" onClick={() => change(addTo(text, path, fresh))}>
          Add a policy
        </Button>
      </Group>
    </Stack>
  );
}

interface OneProps extends Below {
  policy: unknown;
  earlier?: () => void;
  remove?: () => void;
}

export function OnePolicy({ policy, path, text, change, types, earlier, remove }: OneProps) {
  const { name, type } = isRecord(policy) ? policy : {};
  const known = types.types.find((each) => each.type === type);
  const title = String(name ?? 'without a name');
  const retype = (next: string | null) =>
    change(setAt(text, path, { name: name ?? 'policy', type: next ?? 'always_sample' }));
  const own = isRecord(policy) && typeof type === 'string' && isRecord(policy[type]) ? policy[type] : {};
  return (
    <Stack gap={6} className="panel" p="xs" role="group" aria-label={`Policy ${title}`}>
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Name"
          value={typeof name === 'string' ? name : ''}
          onChange={(event) => change(setAt(text, [...path, 'name'], event.currentTarget.value))}
          style={{ flex: '1 1 120px' }}
        />
        <Select
          label="Type"
          data={types.types.map((each) => each.type)}
          value={typeof type === 'string' ? type : null}
          onChange={retype}
          allowDeselect={false}
          searchable
          style={{ flex: '1 1 140px' }}
        />
        {earlier && (
          <ActionIcon variant="default" size={30} aria-label={`Move ${title} up`} onClick={earlier}>
            ↑
          </ActionIcon>
        )}
        {remove && (
          <ActionIcon variant="default" size={30} aria-label={`Remove ${title}`} onClick={remove}>
            ×
          </ActionIcon>
        )}
      </Group>
      {known && (
        <>
          <Text size="xs" className="quiet">
            {known.about}
          </Text>
          <Fields fields={known.fields} values={own} path={[...path, known.type]} {...{ text, change, types }} />
        </>
      )}
    </Stack>
  );
}

interface FieldsProps extends Below {
  fields: readonly FieldOf[];
  values: Record<string, unknown>;
}

/** Plain fields beside each other, policies and rows below them. */
export function Fields({ fields, values, path, text, change, types }: FieldsProps) {
  const plain = fields.filter(({ kind }) => !['policy', 'policies', 'rows'].includes(kind));
  const below = { text, change, types };
  return (
    <>
      {plain.length > 0 && (
        <Group gap="xs" align="flex-end">
          {plain.map((field) => (
            <FieldInput
              key={field.name}
              field={field}
              value={values[field.name]}
              change={(value) => change(setAt(text, [...path, field.name], value))}
            />
          ))}
        </Group>
      )}
      {fields.map((field) => {
        const [inside, value] = [[...path, field.name], values[field.name]];
        if (field.kind === 'policies') return <Policies key={field.name} list={value} path={inside} {...below} />;
        if (field.kind === 'policy')
          return <OnePolicy key={field.name} policy={value ?? {}} path={inside} {...below} />;
        return field.kind === 'rows' && <Rows key={field.name} field={field} list={value} path={inside} {...below} />;
      })}
    </>
  );
}

function Rows({ field, list, path, text, change, types }: Below & { field: FieldOf; list: unknown }) {
  const rows = Array.isArray(list) ? (list as unknown[]) : [];
  const [first] = field.fields;
  return (
    <Stack gap="xs" role="group" aria-label={field.name}>
      {rows.map((row, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
        <Group key={place} className="panel" p="xs" gap="xs" align="flex-end">
          <Fields
            fields={field.fields}
            values={isRecord(row) ? row : {}}
            path={[...path, place]}
            {...{ text, change, types }}
          />
          <ActionIcon
            variant="default"
            size={30}
            aria-label={`Remove ${field.name} ${place + 1}`}
            onClick={() => change(setAt(text, [...path, place], undefined))}
          >
            ×
          </ActionIcon>
        </Group>
      ))}
      <Group>
        <Button
          variant="default"
          size="compact-xs"
          onClick={() => change(addTo(text, path, { [first?.name ?? 'name']: `${field.name} ${rows.length + 1}` }))}
        >
          Add to {field.name}
        </Button>
      </Group>
    </Stack>
  );
}
