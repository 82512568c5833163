import { ActionIcon, Button, Modal, Select, Stack, Text, TextInput, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type ApiError, request, useApi } from '../api/client';
import { IconPin } from '../lib/icons';
import { blankDashboard, type Kind, type Language, panelOf, type Saved, withPanel } from '../pages/dashboards/model';
import { createDashboard, replaceDashboard } from '../pages/dashboards/save';
import { useShell } from '../shell/state';
import { ErrorBox } from './ErrorBox';

interface Props {
  language: Language;
  /** What the panel asks; without any, there is nothing to pin. */
  queries: string[];
  kind: Kind;
}

const NEW = '';

/** Makes a panel of the page's query, on a dashboard that there is or on a new one. */
export function Pin(props: Props) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Tooltip label="Pin to a dashboard">
        <ActionIcon
          variant="default"
          size={30}
          aria-label="Pin to a dashboard"
          onClick={open}
          disabled={props.queries.length === 0}
        >
          <IconPin size={15} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Modal
        opened={opened}
        onClose={close}
        title="Pin to a dashboard"
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {opened && <Form {...props} />}
      </Modal>
    </>
  );
}

function Form({ language, queries, kind }: Props) {
  const { tenant } = useShell();
  const client = useQueryClient();
  const [title, setTitle] = useState('');
  const [chosen, setChosen] = useState(NEW);
  const [name, setName] = useState('');
  const list = useApi('/api/v1/dashboards', {}, { every: false });
  const pin = useMutation<Saved, ApiError>({
    mutationFn: async () => {
      const panel = panelOf(
        kind,
        1,
        queries.map((text) => ({ language, text, legend: '' })),
      );
      const given = { ...panel, title: title.trim() };
      if (chosen === NEW) return createDashboard(withPanel(blankDashboard(name.trim()), given), tenant);
      const saved = await request<Saved>(`/api/v1/dashboards/${chosen}`, tenant);
      return replaceDashboard(
        saved,
        withPanel(saved.dashboard, given),
        tenant,
        `pinned: ${title.trim() || queries[0]}`.slice(0, 200),
      );
    },
    onSuccess: () =>
      client.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/dashboards') }),
  });
  if (pin.data)
    return (
      <Text size="sm" role="status">
        It is on{' '}
        <Link to="/dashboards/$id" params={{ id: pin.data.id }} className="link in-text">
          {pin.data.title}
        </Link>
        .
      </Text>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        pin.mutate();
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Title of the panel"
          value={title}
          maxLength={200}
          onChange={(event) => setTitle(event.currentTarget.value)}
          data-autofocus
        />
        <Select
          label="Dashboard"
          searchable
          allowDeselect={false}
          value={chosen}
          onChange={(id) => setChosen(id ?? NEW)}
          data={[
            { value: NEW, label: 'A new one' },
            ...(list.data?.dashboards ?? []).map((each) => ({ value: each.id, label: `${each.title} (${each.id})` })),
          ]}
        />
        {chosen === NEW && (
          <TextInput
            label="Title of the dashboard"
            value={name}
            maxLength={200}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        {(list.error ?? pin.error) && <ErrorBox error={(list.error ?? pin.error) as ApiError} />}
        <Button type="submit" loading={pin.isPending} disabled={chosen === NEW && !name.trim()}>
          Pin it
        </Button>
      </Stack>
    </form>
  );
}
