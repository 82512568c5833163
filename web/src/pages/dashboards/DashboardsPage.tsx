import { Badge, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { type Answer, type ApiError, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { SearchBox } from '../../components/SearchBox';
import { IconSearch } from '../../lib/icons';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';
import { ImportDialog } from './ImportDialog';
import { blankDashboard, type Saved } from './model';
import { createDashboard } from './save';

type Entry = Answer<'/api/v1/dashboards'>['dashboards'][number];

function columns(utc: boolean): Column<Entry>[] {
  return [
    {
      name: 'Dashboard',
      by: ({ title }) => title.toLowerCase(),
      cell: ({ id, title }) => (
        <Link to="/dashboards/$id" params={{ id }} className="link">
          {title}
        </Link>
      ),
    },
    {
      name: 'Tags',
      cell: ({ tags }) => (
        <Group gap={4}>
          {tags.map((tag) => (
            <Badge key={tag} variant="default" radius="sm" tt="none" fw={400}>
              {tag}
            </Badge>
          ))}
        </Group>
      ),
    },
    { name: 'Panels', number: true, by: ({ panels }) => panels, cell: ({ panels }) => panels },
    { name: 'Version', number: true, by: ({ version }) => version, cell: ({ version }) => version },
    {
      name: 'Saved',
      by: ({ created_at }) => created_at,
      cell: ({ created_at, created_by }) => (
        <span className="quiet">
          {formatTime(Date.parse(created_at), utc)} by {created_by}
        </span>
      ),
    },
  ];
}

/** All dashboards of the tenant: found by title and tag, made, imported. */
export default function DashboardsPage() {
  const { find = '', sort = 'Dashboard', order = 'up' } = useSearch({ from: '/dashboards' });
  const navigate = useNavigate({ from: '/dashboards' });
  const { utc } = useShell();
  const [making, make] = useDisclosure(false);
  const [importing, importer] = useDisclosure(false);
  const answer = useApi('/api/v1/dashboards', { query: { search: find } }, { every: false });
  const open = ({ id }: Saved, edit: boolean) =>
    void navigate({ to: '/dashboards/$id', params: { id }, search: edit ? { edit: 'yes' } : {} });
  return (
    <Page
      title="Dashboards"
      right={
        <Group gap="xs">
          <SearchBox
            label="Find dashboards"
            placeholder="Title or tag"
            leftSection={<IconSearch size={14} aria-hidden />}
            value={find}
            w={{ base: 150, sm: 240 }}
            onSearch={(text) =>
              void navigate({ search: (before) => ({ ...before, find: text || undefined }), replace: true })
            }
          />
          <Button variant="default" onClick={importer.open}>
            Import
          </Button>
          <Button onClick={make.open}>New dashboard</Button>
        </Group>
      }
    >
      <Loaded of={answer} lines={8}>
        {({ dashboards }) =>
          dashboards.length === 0 ? (
            <Empty title={find ? 'No dashboard of that title or tag' : 'No dashboards yet'}>
              Make one, import one of Grafana's, or pin a query from the pages of metrics, logs and traces.
            </Empty>
          ) : (
            <Grid
              caption="Dashboards"
              rows={dashboards}
              columns={columns(utc)}
              rowKey={({ id }) => id}
              sort={{ name: sort, down: order === 'down' }}
              onSort={(next) =>
                void navigate({
                  search: (before) => ({ ...before, sort: next.name, order: next.down ? 'down' : 'up' }),
                  replace: true,
                })
              }
            />
          )
        }
      </Loaded>
      <MakeDialog opened={making} close={make.close} made={(saved) => open(saved, true)} />
      <ImportDialog opened={importing} close={importer.close} made={(saved) => open(saved, false)} />
    </Page>
  );
}

function MakeDialog({ opened, close, made }: { opened: boolean; close: () => void; made: (saved: Saved) => void }) {
  const { tenant } = useShell();
  const [title, setTitle] = useState('');
  const create = useMutation<Saved, ApiError>({
    mutationFn: () => createDashboard(blankDashboard(title.trim()), tenant),
    onSuccess: made,
  });
  return (
    <Modal opened={opened} onClose={close} title="New dashboard" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Title"
            value={title}
            maxLength={200}
            onChange={(event) => setTitle(event.currentTarget.value)}
            data-autofocus
          />
          <Text size="xs" className="quiet">
            Panels come next. Every save is a version that can be had back.
          </Text>
          {create.error && <ErrorBox error={create.error} />}
          <Button type="submit" loading={create.isPending} disabled={!title.trim()}>
            Make it
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
