import { ActionIcon, Button, Drawer, Group, Stack, Text, TextInput, Tooltip } from '@mantine/core';
import { useClipboard, useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { type ApiError, postJson, request, useApi } from '../api/client';
import { IconBookmark, IconShare } from '../lib/icons';
import { forget, readRecent, remember } from '../lib/recent';
import { spanOf } from '../lib/time';
import { useShell } from '../shell/state';
import { ErrorBox } from './ErrorBox';
import { Loaded } from './Loaded';
import { type Lesson, QueryHelp } from './QueryHelp';
import { ListRow, Rows } from './Rows';

export type Language = 'promql' | 'logql' | 'traceql';

const NAMES: Record<Language, string> = { promql: 'PromQL', logql: 'LogQL', traceql: 'TraceQL' };

interface Props {
  language: Language;
  query: string;
  run: (text: string) => void;
  lessons: readonly Lesson[];
}

/** Beside a query: saved and recent ones, a link to share, and the language on one page. */
export function QueryTools({ language, query, run, lessons }: Props) {
  const { tenant } = useShell();
  const [opened, { open, close }] = useDisclosure(false);
  useEffect(() => remember(language, tenant, query), [language, tenant, query]);
  return (
    <>
      <Tooltip label="Saved and recent queries">
        <ActionIcon
          variant="default"
          size={30}
          aria-label={`Saved and recent queries in ${NAMES[language]}`}
          onClick={open}
        >
          <IconBookmark size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Share />
      <QueryHelp language={NAMES[language]} lessons={lessons} take={run} />
      <Drawer
        opened={opened}
        onClose={close}
        position="right"
        title={`Queries in ${NAMES[language]}`}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Lists
          language={language}
          query={query}
          run={(text) => {
            run(text);
            close();
          }}
        />
      </Drawer>
    </>
  );
}

/** Copies the page's link, with the time range as moments: another person sees the same. */
function Share() {
  const { range } = useShell();
  const { copy, copied } = useClipboard();
  const link = () => {
    const { startMs, endMs } = spanOf(range);
    const url = new URL(window.location.href);
    url.searchParams.set('from', String(Math.round(startMs)));
    url.searchParams.set('to', String(Math.round(endMs)));
    return url.href;
  };
  return (
    <Tooltip label={copied ? 'Copied' : 'Copy a link to this view'}>
      <ActionIcon variant="default" size={30} aria-label="Copy a link to this view" onClick={() => copy(link())}>
        <IconShare size={16} aria-hidden />
        <span role="status" className="visually-hidden">
          {copied && 'Copied'}
        </span>
      </ActionIcon>
    </Tooltip>
  );
}

function Lists({ language, query, run }: Omit<Props, 'lessons'>) {
  const { tenant } = useShell();
  const client = useQueryClient();
  const saved = useApi('/api/v1/saved-queries', { query: { language } }, { every: false });
  const [recent, setRecent] = useState(() => readRecent(language, tenant));
  const changed = () => void client.invalidateQueries({ predicate: ({ queryKey }) => isSaved(queryKey) });
  const remove = useMutation<unknown, ApiError, number>({
    mutationFn: (id) => request(`/api/v1/saved-queries/${id}`, tenant, { method: 'DELETE' }),
    onSuccess: changed,
  });
  return (
    <Stack gap="sm">
      <Save language={language} query={query} changed={changed} />
      {remove.error && <ErrorBox error={remove.error} />}
      <Part title="Saved">
        <Loaded of={saved}>
          {({ queries }) =>
            queries.length === 0 ? (
              <Text size="sm" className="quiet">
                Nothing yet. What is saved here, everybody of this tenant sees.
              </Text>
            ) : (
              <Rows>
                {queries.map(({ id, name, query: text, created_by }) => (
                  <ListRow key={id} px={0}>
                    <Choice text={text} about={created_by} run={run}>
                      <b>{name}</b>
                    </Choice>
                    <ActionIcon
                      variant="default"
                      size={24}
                      aria-label={`Delete the saved query ${name}`}
                      onClick={() => remove.mutate(id)}
                    >
                      ×
                    </ActionIcon>
                  </ListRow>
                ))}
              </Rows>
            )
          }
        </Loaded>
      </Part>
      <Part title="Recent, in this browser">
        <Rows>
          {recent.map((text) => (
            <ListRow key={text} px={0}>
              <Choice text={text} run={run} />
            </ListRow>
          ))}
        </Rows>
        {recent.length > 0 && (
          <Button
            variant="default"
            size="compact-xs"
            mt="xs"
            onClick={() => {
              forget(language, tenant);
              setRecent([]);
            }}
          >
            Forget them
          </Button>
        )}
      </Part>
    </Stack>
  );
}

function isSaved(key: readonly unknown[]): boolean {
  return String(key[1]).startsWith('/api/v1/saved-queries');
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Text component="h3" fw={600} size="sm" m={0} mb={4}>
        {title}
      </Text>
      {children}
    </section>
  );
}

function Choice({
  text,
  about,
  run,
  children,
}: {
  text: string;
  about?: string;
  run: (text: string) => void;
  children?: ReactNode;
}) {
  return (
    <button type="button" className="bare" style={{ flex: 1, minWidth: 0 }} onClick={() => run(text)} title={text}>
      {children}
      <Text size="xs" className="mono" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Text>
      {about && (
        <Text size="xs" className="quiet">
          by {about}
        </Text>
      )}
    </button>
  );
}

function Save({ language, query, changed }: { language: Language; query: string; changed: () => void }) {
  const { tenant } = useShell();
  const [name, setName] = useState('');
  const save = useMutation<unknown, ApiError>({
    mutationFn: () => postJson('/api/v1/saved-queries', { name: name.trim(), language, query }, tenant),
    onSuccess: () => {
      setName('');
      changed();
    },
  });
  if (!query) return null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <TextInput
          label="Save this query as"
          value={name}
          maxLength={200}
          required
          onChange={(event) => setName(event.currentTarget.value)}
          style={{ flex: 1 }}
        />
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </Group>
      {save.error && <ErrorBox error={save.error} />}
    </form>
  );
}
