import { Button, Group, Menu, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useBlocker, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { type ApiError, request, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { useShell } from '../../shell/state';
import { BoardGrid, type Changes } from './Board';
import { settle } from './layout';
import { type Dashboard, KINDS, type Kind, type PanelSpec, panelOf, type Saved, withPanel } from './model';
import { PanelEditor } from './PanelEditor';
import { Settings } from './Settings';
import { download, replaceDashboard } from './save';
import { BoardProvider, useTimes } from './times';
import { useMarks } from './useMarks';
import { useVariables } from './useVariables';
import { VariableBar } from './VariableBar';
import { Versions } from './Versions';
import { chosenOf, fillText, nameInUrl, writeChoice } from './variables';

/** One dashboard: seen, and changed. */
export default function DashboardPage() {
  const { id } = useParams({ from: '/dashboards/$id' });
  const saved = useApi('/api/v1/dashboards/{id}', { path: { id } }, { every: false });
  const client = useQueryClient();
  const changed = () =>
    client.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/dashboards') });
  if (saved.data) return <Opened key={saved.data.id} saved={saved.data} changed={changed} />;
  return (
    <Page title="Dashboard">
      <Loaded of={saved} lines={10}>
        {() => null}
      </Loaded>
    </Page>
  );
}

type Dialog = { kind: 'panel'; panel: PanelSpec } | { kind: 'settings' } | { kind: 'versions' } | null;

function Opened({ saved, changed }: { saved: Saved; changed: () => Promise<unknown> }) {
  const search = useSearch({ from: '/dashboards/$id' });
  const navigate = useNavigate({ from: '/dashboards/$id' });
  const { tenant } = useShell();
  const [draft, setDraft] = useState<Dashboard | null>(search.edit ? saved.dashboard : null);
  // What is being changed stays as it was begun, also when somebody else saves meanwhile.
  const [base, setBase] = useState(saved);
  const [dialog, setDialog] = useState<Dialog>(null);
  const shown = draft ?? saved.dashboard;
  const dirty = draft !== null && draft !== base.dashboard;
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      dirty && current.pathname !== next.pathname && !window.confirm('Leave without saving what you changed?'),
    enableBeforeUnload: dirty,
  });
  const save = useMutation<Saved, ApiError, { dashboard: Dashboard; over: boolean }>({
    mutationFn: async ({ dashboard, over }) => {
      const newest = over ? await request<Saved>(`/api/v1/dashboards/${saved.id}`, tenant) : base;
      return replaceDashboard(newest, dashboard, tenant);
    },
    onSuccess: async () => {
      await changed();
      await stop();
    },
  });
  const stop = async () => {
    setDraft(null);
    await navigate({ search: (before) => ({ ...before, edit: undefined }), replace: true });
  };
  const setPanels = (panels: PanelSpec[]) => setDraft({ ...shown, panels: settle(panels) });
  const changes: Changes = {
    set: (panels) => setDraft({ ...shown, panels }),
    edit: (panel) => setDialog({ kind: 'panel', panel }),
    copy: (panel) => setDraft(withPanel(shown, panel)),
    remove: (panel) => setPanels(shown.panels.filter(({ id }) => id !== panel.id)),
  };
  const add = (kind: Kind) => {
    const next = withPanel(shown, panelOf(kind, 0));
    const panel = next.panels.at(-1);
    setDraft(next);
    if (panel) setDialog({ kind: 'panel', panel });
  };
  const board = useResolved(shown);
  const title = fillText(shown.title, board.values);
  const close = () => setDialog(null);
  return (
    <BoardProvider value={board.shared}>
      <Page
        title={title}
        right={
          draft ? (
            <Group gap="xs">
              <AddMenu add={add} />
              <Button variant="default" onClick={() => setDialog({ kind: 'settings' })}>
                Settings
              </Button>
              <Button
                variant="default"
                onClick={() => {
                  save.reset();
                  void stop();
                }}
              >
                Cancel
              </Button>
              <Button loading={save.isPending} onClick={() => save.mutate({ dashboard: shown, over: false })}>
                Save
              </Button>
            </Group>
          ) : (
            <Group gap="xs">
              <Button variant="default" onClick={() => setDialog({ kind: 'versions' })}>
                Versions
              </Button>
              <Button variant="default" onClick={() => download(shown)}>
                Export
              </Button>
              <Button
                onClick={() => {
                  setBase(saved);
                  setDraft(saved.dashboard);
                }}
              >
                Edit
              </Button>
            </Group>
          )
        }
      >
        {shown.description && (
          <Text size="sm" className="quiet">
            {fillText(shown.description, board.values)}
          </Text>
        )}
        {save.error && <ErrorBox error={save.error} />}
        {draft && save.error?.status === 409 && (
          <Group gap="xs">
            <Button variant="default" onClick={() => save.mutate({ dashboard: draft, over: true })}>
              Save mine over it
            </Button>
            <Button variant="default" onClick={() => download(draft)}>
              Export mine
            </Button>
            <Button
              variant="default"
              onClick={() => {
                save.reset();
                void changed().then(stop);
              }}
            >
              Give mine up
            </Button>
          </Group>
        )}
        <VariableBar
          variables={shown.variables}
          choices={board.choices}
          options={board.options}
          choose={(variable, values) =>
            void navigate({
              search: (before) => ({ ...before, [nameInUrl(variable)]: writeChoice(values) || undefined }),
              replace: true,
            })
          }
        />
        {board.error && <ErrorBox error={board.error} />}
        {shown.panels.length === 0 ? (
          <Empty title="No panels yet">{draft ? 'Add one with the button above.' : 'Edit it to add some.'}</Empty>
        ) : (
          board.ready && <BoardGrid panels={shown.panels} changes={draft ? changes : undefined} />
        )}
        {dialog?.kind === 'panel' && (
          <PanelEditor
            panel={dialog.panel}
            close={close}
            apply={(panel) => {
              setPanels(shown.panels.map((each) => (each.id === panel.id ? { ...panel, grid: each.grid } : each)));
              close();
            }}
          />
        )}
        {dialog?.kind === 'settings' && (
          <Settings
            dashboard={shown}
            id={saved.id}
            close={close}
            apply={(next) => {
              setDraft(next);
              close();
            }}
          />
        )}
        {dialog?.kind === 'versions' && <Versions saved={saved} close={close} changed={changed} />}
      </Page>
    </BoardProvider>
  );
}

/** Times, variables and marks of a dashboard, as its panels share them. */
function useResolved(dashboard: Dashboard) {
  const search = useSearch({ from: '/dashboards/$id' });
  const { times, grid } = useTimes();
  const key = JSON.stringify(chosenOf(search));
  const chosen = useMemo(() => JSON.parse(key) as Record<string, string>, [key]);
  const { values, choices, options, error, ready } = useVariables(dashboard.variables, chosen, times, grid);
  const marks = useMarks(dashboard.annotations, values, times, grid, ready);
  const shared = useMemo(() => ({ times, grid, values, marks }), [times, grid, values, marks]);
  return { shared, values, choices, options, error, ready };
}

function AddMenu({ add }: { add: (kind: Kind) => void }) {
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default">Add a panel</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(KINDS).map(([kind, { label }]) => (
          <Menu.Item key={kind} onClick={() => add(kind as Kind)}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
