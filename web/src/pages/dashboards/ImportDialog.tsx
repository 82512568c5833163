import { Button, FileButton, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError } from '../../api/client';
import { ErrorBox } from '../../components/ErrorBox';
import { Scroll } from '../../components/Scroll';
import { plural } from '../../lib/units';
import { useShell } from '../../shell/state';
import type { Saved } from './model';
import { createDashboard, type Imported, translateDashboard } from './save';

const SHOWN_BYTES = 100_000;

/** JSON of Grafana or Traceo, from a file or pasted: first what would be left out, then the dashboard. */
export function ImportDialog({
  opened,
  close,
  made,
}: {
  opened: boolean;
  close: () => void;
  made: (saved: Saved) => void;
}) {
  const { tenant } = useShell();
  const [text, setText] = useState('');
  const [name, setName] = useState('');
  const translate = useMutation<Imported, ApiError, string>({
    mutationFn: async (given) => translateDashboard(parse(given), tenant),
  });
  const create = useMutation<Saved, ApiError, Imported>({
    mutationFn: ({ dashboard }) => createDashboard(dashboard, tenant, name ? `imported from ${name}` : 'imported'),
    onSuccess: made,
  });
  const take = async (file: File | null) => {
    if (!file) return;
    const read = await file.text();
    setName(file.name.slice(0, 200));
    setText(read.length > SHOWN_BYTES ? '' : read);
    translate.mutate(read);
  };
  const found = translate.data;
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Import a dashboard"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text size="sm">
          A dashboard that Grafana or Traceo exported, as a file or pasted. Nothing is saved before you have seen the
          report.
        </Text>
        <Group gap="sm">
          <FileButton
            onChange={(file) => void take(file)}
            accept="application/json,.json"
            inputProps={{ 'aria-label': 'File of a dashboard' }}
          >
            {(props) => (
              <Button {...props} variant="default">
                Choose a file
              </Button>
            )}
          </FileButton>
          {name && (
            <Text size="sm" className="quiet cut">
              {name}
            </Text>
          )}
        </Group>
        <Textarea
          aria-label="JSON of a dashboard"
          placeholder='{"title": "…", "panels": […]}'
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          minRows={4}
          maxRows={8}
          autosize
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mono)', fontSize: 12 } }}
        />
        <Group justify="flex-end" gap="xs">
          <Button
            variant={found ? 'default' : 'filled'}
            loading={translate.isPending}
            disabled={!text.trim()}
            onClick={() => translate.mutate(text)}
          >
            Read it
          </Button>
        </Group>
        {translate.error && <ErrorBox error={translate.error} />}
        {found && !translate.error && <Report of={found} />}
        {create.error && <ErrorBox error={create.error} />}
        {found && !translate.error && (
          <Button loading={create.isPending} onClick={() => create.mutate(found)}>
            Save “{found.dashboard.title}”
          </Button>
        )}
      </Stack>
    </Modal>
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError(400, {
      type: 'invalid_request',
      message: `This is no JSON: ${error instanceof Error ? error.message : error}`,
    });
  }
}

function Report({ of: { dashboard, notes } }: { of: Imported }) {
  return (
    <section aria-label="Report">
      <Text size="sm" role="status">
        {plural(dashboard.panels.length, 'panel')}, {plural(dashboard.variables.length, 'variable')},{' '}
        {plural(dashboard.annotations.length, 'annotation')}.{' '}
        {notes.length === 0 ? 'Everything was taken.' : `${plural(notes.length, 'thing')} left out or changed:`}
      </Text>
      {notes.length > 0 && (
        <Scroll label="Left out or changed" maxHeight={260} className="panel">
          <table className="grid">
            <thead>
              <tr>
                <th>Of</th>
                <th>What</th>
              </tr>
            </thead>
            <tbody>
              {notes.map(({ place, about, why }) => (
                <tr key={`${place} ${why}`}>
                  <td title={place}>{about || place}</td>
                  <td style={{ whiteSpace: 'normal' }}>{why}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
