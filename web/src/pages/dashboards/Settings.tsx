import {
  ActionIcon,
  Button,
  Divider,
  Group,
  Modal,
  Stack,
  Switch,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { ApiError } from '../../api/client';
import { Choice } from '../../components/Choice';
import { ErrorBox } from '../../components/ErrorBox';
import { useShell } from '../../shell/state';
import { type Annotation, blankVariable, type Dashboard, type Variable } from './model';
import { removeDashboard } from './save';

const KINDS = { query: 'Query', custom: 'Own values', interval: 'Intervals', text: 'Text', constant: 'Constant' };
const LANGUAGES = { promql: 'PromQL', logql: 'LogQL', sql: 'SQL' };
const MARKS = { deploys: 'Deploys of a service', logql: 'Log lines (LogQL)', promql: 'Times of a value (PromQL)' };
const EXAMPLES: Record<string, string> = {
  promql: 'label_values(up, job)',
  logql: 'label_values(service_name)',
  sql: 'SELECT DISTINCT service FROM spans WHERE start_time > {from:DateTime64(3)}',
};

interface Props {
  dashboard: Dashboard;
  id: string;
  apply: (dashboard: Dashboard) => void;
  close: () => void;
}

/** Title, tags, variables and annotations of a dashboard; and its end. */
export function Settings({ dashboard, id, apply, close }: Props) {
  const [draft, setDraft] = useState(dashboard);
  const change = (changed: Partial<Dashboard>) => setDraft({ ...draft, ...changed });
  const setVariable = (place: number, variable: Variable) =>
    change({ variables: draft.variables.map((each, at) => (at === place ? variable : each)) });
  const setAnnotation = (place: number, annotation: Annotation) =>
    change({ annotations: draft.annotations.map((each, at) => (at === place ? annotation : each)) });
  return (
    <Modal opened onClose={close} title="Settings" size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply({ ...draft, title: draft.title.trim() });
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Title"
            value={draft.title}
            maxLength={200}
            required
            onChange={(event) => change({ title: event.currentTarget.value })}
          />
          <Textarea
            label="Description"
            size="xs"
            value={draft.description}
            maxLength={2000}
            autosize
            minRows={1}
            maxRows={5}
            onChange={(event) => change({ description: event.currentTarget.value })}
          />
          <TagsInput label="Tags" size="xs" value={draft.tags} maxTags={20} onChange={(tags) => change({ tags })} />
          <Divider label="Variables" labelPosition="left" />
          {draft.variables.map((variable, place) => (
            <VariableFields
              // biome-ignore lint/suspicious/noArrayIndexKey: a variable is its place
              key={place}
              variable={variable}
              number={place + 1}
              change={(next) => setVariable(place, next)}
              remove={() => change({ variables: draft.variables.filter((_, at) => at !== place) })}
            />
          ))}
          <Group>
            <Button
              variant="default"
              onClick={() => change({ variables: [...draft.variables, blankVariable(freeName(draft.variables))] })}
            >
              Add a variable
            </Button>
          </Group>
          <Divider label="Annotations" labelPosition="left" />
          {draft.annotations.map((annotation, place) => (
            <AnnotationFields
              // biome-ignore lint/suspicious/noArrayIndexKey: an annotation is its place
              key={place}
              annotation={annotation}
              number={place + 1}
              change={(next) => setAnnotation(place, next)}
              remove={() => change({ annotations: draft.annotations.filter((_, at) => at !== place) })}
            />
          ))}
          <Group>
            <Button
              variant="default"
              onClick={() =>
                change({
                  annotations: [...draft.annotations, { kind: 'deploys', name: 'Deploys', query: '', shown: true }],
                })
              }
            >
              Add an annotation
            </Button>
          </Group>
          <Group justify="space-between" mt="xs">
            <Remove id={id} title={dashboard.title} />
            <Group gap="xs">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" disabled={!draft.title.trim()}>
                Apply
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function freeName(variables: Variable[]): string {
  let number = variables.length + 1;
  while (variables.some(({ name }) => name === `variable_${number}`)) number += 1;
  return `variable_${number}`;
}

interface VariableProps {
  variable: Variable;
  number: number;
  change: (variable: Variable) => void;
  remove: () => void;
}

function VariableFields({ variable, number, change, remove }: VariableProps) {
  const { kind } = variable;
  const set = (changed: Partial<Variable>) => change({ ...variable, ...changed });
  return (
    <Stack gap={6} className="panel" p="xs" component="fieldset">
      <Text component="legend" size="xs" className="visually-hidden">
        Variable {number}
      </Text>
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Name"
          w={130}
          value={variable.name}
          maxLength={50}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <TextInput
          label="Label"
          w={130}
          value={variable.label}
          maxLength={200}
          onChange={(event) => set({ label: event.currentTarget.value })}
        />
        <Choice label="Kind" w={120} of={KINDS} value={kind} choose={(next) => set({ kind: next })} />
        {kind === 'query' && (
          <Choice
            label="Language"
            w={100}
            of={LANGUAGES}
            value={variable.language}
            choose={(next) => set({ language: next })}
          />
        )}
        {kind !== 'text' && kind !== 'constant' && (
          <>
            <Switch
              size="xs"
              pb={7}
              label="Several"
              checked={variable.multiple}
              onChange={(event) => set({ multiple: event.currentTarget.checked })}
            />
            <Switch
              size="xs"
              pb={7}
              label="All"
              checked={variable.all}
              onChange={(event) => set({ all: event.currentTarget.checked })}
            />
          </>
        )}
        <ActionIcon variant="default" size={30} aria-label={`Remove variable ${number}`} onClick={remove} ml="auto">
          ×
        </ActionIcon>
      </Group>
      {kind === 'query' && (
        <Group gap="xs" grow>
          <TextInput
            label="Query"
            value={variable.query}
            placeholder={EXAMPLES[variable.language]}
            className="mono"
            onChange={(event) => set({ query: event.currentTarget.value })}
          />
          <TextInput
            label="Pattern"
            value={variable.pattern}
            placeholder="Regular expression"
            className="mono"
            onChange={(event) => set({ pattern: event.currentTarget.value })}
          />
        </Group>
      )}
      {(kind === 'custom' || kind === 'interval') && (
        <TagsInput
          label="Values"
          size="xs"
          value={variable.values}
          maxTags={200}
          onChange={(values) => set({ values })}
        />
      )}
      {(kind === 'text' || kind === 'constant') && (
        <TextInput
          label="Value"
          value={variable.default[0] ?? ''}
          onChange={(event) => set({ default: event.currentTarget.value ? [event.currentTarget.value] : [] })}
        />
      )}
    </Stack>
  );
}

interface AnnotationProps {
  annotation: Annotation;
  number: number;
  change: (annotation: Annotation) => void;
  remove: () => void;
}

function AnnotationFields({ annotation, number, change, remove }: AnnotationProps) {
  return (
    <Group gap="xs" align="flex-end" className="panel" p="xs" component="fieldset">
      <Text component="legend" size="xs" className="visually-hidden">
        Annotation {number}
      </Text>
      <TextInput
        label="Name"
        w={130}
        value={annotation.name}
        maxLength={200}
        onChange={(event) => change({ ...annotation, name: event.currentTarget.value })}
      />
      <Choice
        label="Marks"
        w={190}
        of={MARKS}
        value={annotation.kind}
        choose={(next) => change({ ...annotation, kind: next })}
      />
      <TextInput
        label={annotation.kind === 'deploys' ? 'Service' : 'Query'}
        style={{ flex: 1, minWidth: 160 }}
        value={annotation.query}
        onChange={(event) => change({ ...annotation, query: event.currentTarget.value })}
      />
      <Switch
        size="xs"
        pb={7}
        label="Shown"
        checked={annotation.shown}
        onChange={(event) => change({ ...annotation, shown: event.currentTarget.checked })}
      />
      <ActionIcon variant="default" size={30} aria-label={`Remove annotation ${number}`} onClick={remove}>
        ×
      </ActionIcon>
    </Group>
  );
}

/** Asked twice: there is no way back. */
function Remove({ id, title }: { id: string; title: string }) {
  const { tenant } = useShell();
  const navigate = useNavigate();
  const client = useQueryClient();
  const remove = useMutation<unknown, ApiError>({
    mutationFn: () => removeDashboard(id, tenant),
    onSuccess: async () => {
      await navigate({ to: '/dashboards', ignoreBlocker: true });
      client.removeQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/dashboards') });
    },
  });
  return (
    <>
      <Button
        variant="default"
        color="red"
        loading={remove.isPending}
        onClick={() =>
          window.confirm(`Remove “${title}” and all of its versions? Export it first if in doubt.`) && remove.mutate()
        }
      >
        Remove the dashboard
      </Button>
      {remove.error && <ErrorBox error={remove.error} />}
    </>
  );
}
