import {
  ActionIcon,
  Autocomplete,
  Box,
  Button,
  Group,
  Modal,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { Choice } from '../../components/Choice';
import { Body } from './Body';
import { asKind, KINDS, type Kind, LANGUAGES, type Language, type PanelQuery, type PanelSpec } from './model';
import { QueryText } from './QueryText';
import { useBoard } from './times';
import { UNITS } from './units';
import { fillText } from './variables';

const PREVIEW_PX = 300;
/** After the last key, before the preview asks. */
const PATIENCE_MS = 500;
const MOST_QUERIES = 20;

const REDUCES = { last: 'Last', mean: 'Mean', min: 'Lowest', max: 'Highest', sum: 'Sum' };
const DRAWS = { line: 'Lines', area: 'Areas', bars: 'Bars' };
const LEVELS = { good: 'Good', warn: 'Warning', bad: 'Bad' };

interface Props {
  panel: PanelSpec;
  apply: (panel: PanelSpec) => void;
  close: () => void;
}

/** Everything about a panel, beside what it will look like. */
export function PanelEditor({ panel: given, apply, close }: Props) {
  const [panel, setPanel] = useState(given.queries.length > 0 ? given : withQuery(given));
  const [preview] = useDebouncedValue(panel, PATIENCE_MS);
  const [helping, setHelping] = useState(false);
  const { values } = useBoard();
  const change = (changed: Partial<PanelSpec>) => setPanel({ ...panel, ...changed });
  const { languages, one } = KINDS[panel.kind];
  return (
    <Modal
      opened
      onClose={close}
      closeOnEscape={!helping}
      title="Panel"
      size="80rem"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply({ ...panel, queries: panel.queries.filter(({ text }) => text.trim()) });
        }}
      >
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Stack gap="xs">
            <Group grow align="flex-end">
              <TextInput
                label="Title"
                value={panel.title}
                maxLength={200}
                onChange={(event) => change({ title: event.currentTarget.value })}
                data-autofocus
              />
              <Select
                label="Shown as"
                data={Object.entries(KINDS).map(([value, { label }]) => ({ value, label }))}
                value={panel.kind}
                allowDeselect={false}
                onChange={(kind) => kind && setPanel(withQuery(asKind(panel, kind as Kind)))}
              />
            </Group>
            {panel.queries.map((query, place) => (
              <QueryFields
                // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place
                key={place}
                number={panel.queries.length > 1 ? ` ${place + 1}` : ''}
                query={query}
                languages={languages}
                legend={panel.kind !== 'logs' && panel.kind !== 'traces'}
                helped={setHelping}
                change={(next) => change({ queries: panel.queries.map((each, at) => (at === place ? next : each)) })}
                remove={
                  panel.queries.length > 1
                    ? () => change({ queries: panel.queries.filter((_, at) => at !== place) })
                    : undefined
                }
              />
            ))}
            {languages.length > 0 && !one && panel.queries.length < MOST_QUERIES && (
              <Group>
                <Button
                  variant="default"
                  onClick={() => change({ queries: [...panel.queries, blank(languages[0] ?? 'promql')] })}
                >
                  Another query
                </Button>
              </Group>
            )}
            <Options panel={panel} change={change} />
            <Textarea
              label="Description"
              value={panel.description}
              maxLength={2000}
              autosize
              minRows={1}
              maxRows={4}
              size="xs"
              onChange={(event) => change({ description: event.currentTarget.value })}
            />
          </Stack>
          <Box>
            <Text size="sm" fw={600} mb={4}>
              Preview
            </Text>
            <Box
              component="section"
              aria-label="Preview"
              className="panel"
              style={{ height: PREVIEW_PX, overflow: 'auto' }}
            >
              {panel.kind === 'row' ? (
                <Text p="sm" fw={600}>
                  {fillText(panel.title, values)}
                </Text>
              ) : (
                <Body panel={preview} height={PREVIEW_PX} />
              )}
            </Box>
          </Box>
        </SimpleGrid>
        <Group justify="flex-end" mt="md" gap="xs">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit">Apply</Button>
        </Group>
      </form>
    </Modal>
  );
}

function blank(language: Language): PanelQuery {
  return { language, text: '', legend: '' };
}

/** A panel that asks has a field to ask in. */
function withQuery(panel: PanelSpec): PanelSpec {
  const [language] = KINDS[panel.kind].languages;
  return language && panel.queries.length === 0 ? { ...panel, queries: [blank(language)] } : panel;
}

interface QueryProps {
  number: string;
  query: PanelQuery;
  languages: Language[];
  legend: boolean;
  change: (query: PanelQuery) => void;
  helped: (opened: boolean) => void;
  remove?: () => void;
}

function QueryFields({ number, query, languages, legend, change, helped, remove }: QueryProps) {
  return (
    <Box className="panel" p="xs">
      <Group gap="xs" align="flex-end" mb={6}>
        <Select
          aria-label={`Language${number}`}
          w={110}
          data={languages.map((value) => ({ value, label: LANGUAGES[value].label }))}
          value={query.language}
          allowDeselect={false}
          onChange={(language) => language && change({ ...query, language: language as Language })}
        />
        {legend && (
          <TextInput
            aria-label={`Legend${number}`}
            placeholder="Legend: {{label}}"
            style={{ flex: 1 }}
            value={query.legend}
            maxLength={500}
            onChange={(event) => change({ ...query, legend: event.currentTarget.value })}
          />
        )}
        {remove && (
          <ActionIcon variant="default" size={30} aria-label={`Remove query${number}`} onClick={remove}>
            ×
          </ActionIcon>
        )}
      </Group>
      <QueryText
        label={`Query${number}`}
        language={query.language}
        value={query.text}
        change={(text) => change({ ...query, text })}
        helped={helped}
      />
    </Box>
  );
}

type OptionProps = { panel: PanelSpec; change: (changed: Partial<PanelSpec>) => void };

/** What a panel of this kind can be told. */
function Options({ panel, change }: OptionProps) {
  const { kind } = panel;
  const numbers = KINDS[kind].languages.length > 0 && kind !== 'logs' && kind !== 'traces';
  return (
    <>
      {kind === 'text' && (
        <Textarea
          label="Markdown"
          value={panel.text}
          autosize
          minRows={6}
          maxRows={16}
          onChange={(event) => change({ text: event.currentTarget.value })}
          styles={{ input: { fontFamily: 'var(--mono)', fontSize: 13 } }}
        />
      )}
      {kind === 'map' && (
        <TextInput
          label="Around the service"
          description="Empty: all services"
          value={panel.service}
          onChange={(event) => change({ service: event.currentTarget.value })}
        />
      )}
      <Group align="flex-end" gap="xs">
        {numbers && <UnitField panel={panel} change={change} />}
        {(kind === 'stat' || kind === 'bar' || kind === 'table') && (
          <Choice label="Value" w={110} of={REDUCES} value={panel.reduce} choose={(reduce) => change({ reduce })} />
        )}
        {kind === 'time_series' && (
          <>
            <Choice label="Drawn as" w={110} of={DRAWS} value={panel.draw} choose={(draw) => change({ draw })} />
            <Switch
              size="xs"
              label="Stacked"
              checked={panel.stacked}
              pb={7}
              onChange={(event) => change({ stacked: event.currentTarget.checked })}
            />
          </>
        )}
        {['logs', 'traces', 'table', 'bar'].includes(kind) && (
          <NumberInput
            label="At most"
            size="xs"
            w={90}
            min={1}
            max={1000}
            value={panel.limit}
            onChange={(limit) => change({ limit: Math.min(1000, Math.max(1, Number(limit) || 1)) })}
          />
        )}
      </Group>
      {(kind === 'stat' || kind === 'bar' || kind === 'table' || kind === 'time_series') && (
        <Thresholds panel={panel} change={change} />
      )}
    </>
  );
}

/** A unit that is known, by its name, or any other text. */
function UnitField({ panel, change }: OptionProps) {
  const labels = Object.values(UNITS).map(({ label }) => label);
  const shown = UNITS[panel.unit]?.label ?? panel.unit;
  return (
    <Autocomplete
      label="Unit"
      size="xs"
      w={170}
      data={labels}
      value={shown}
      maxLength={20}
      filter={({ options: all }) => all}
      onChange={(text) =>
        change({ unit: Object.entries(UNITS).find(([, { label }]) => label === text)?.[0] ?? text.slice(0, 20) })
      }
    />
  );
}

function Thresholds({ panel, change }: OptionProps) {
  const set = (place: number, changed: Partial<PanelSpec['thresholds'][number]>) =>
    change({ thresholds: panel.thresholds.map((each, at) => (at === place ? { ...each, ...changed } : each)) });
  return (
    <Stack gap={4} component="fieldset" style={{ border: 0, padding: 0, margin: 0 }}>
      <Text component="legend" size="xs" fw={500} p={0}>
        From a value on
      </Text>
      {panel.thresholds.map(({ value, level }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a threshold is its place
        <Group key={place} gap="xs">
          <NumberInput
            aria-label={`Value ${place + 1}`}
            size="xs"
            w={120}
            value={value}
            onChange={(next) => Number.isFinite(Number(next)) && next !== '' && set(place, { value: Number(next) })}
          />
          <Choice
            aria-label={`Level ${place + 1}`}
            w={110}
            of={LEVELS}
            value={level}
            choose={(next) => set(place, { level: next })}
          />
          <ActionIcon
            variant="default"
            size={30}
            aria-label={`Remove threshold ${place + 1}`}
            onClick={() => change({ thresholds: panel.thresholds.filter((_, at) => at !== place) })}
          >
            ×
          </ActionIcon>
        </Group>
      ))}
      {panel.thresholds.length < 10 && (
        <Group>
          <Button
            variant="default"
            size="compact-xs"
            onClick={() => change({ thresholds: [...panel.thresholds, { value: 0, level: 'warn' }] })}
          >
            Add a threshold
          </Button>
        </Group>
      )}
    </Stack>
  );
}
