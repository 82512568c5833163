import { Button, Group, Modal, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiError, fill, request, sendJson } from '../../api/client';
import { ErrorBox } from '../../components/ErrorBox';
import { useShell } from '../../shell/state';
import type { Service } from './ServicePage';

const FIELDS = [
  { name: 'team', label: 'Team' },
  { name: 'on_call', label: 'On call: a person, a rotation or a channel' },
  { name: 'tier', label: 'Tier: how important it is, in your own words' },
  { name: 'runbook', label: 'Runbook, https://…' },
  { name: 'repository', label: 'Repository, https://…' },
] as const;

interface Props {
  of: Service;
  close: () => void;
  onChanged: () => void;
}

/** What the API is told of a service; what is left empty, the owners' file says. */
export function EditOwner({ of, close, onChanged }: Props) {
  const { tenant } = useShell();
  const { owner, service } = of;
  const isTold = (name: string) => owner?.sources[name] === 'api';
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(FIELDS.map(({ name }) => [name, isTold(name) ? (owner?.[name] ?? '') : ''])),
  );
  const [apdex, setApdex] = useState<number | string>(isTold('apdex_ms') ? (owner?.apdex_ms ?? '') : '');
  const path = fill('/api/v1/owners/{service}', { service });
  const done = () => {
    onChanged();
    close();
  };
  const put = useMutation<unknown, ApiError>({
    mutationFn: () => sendJson('PUT', path, { ...texts, apdex_ms: typeof apdex === 'number' ? apdex : null }, tenant),
    onSuccess: done,
  });
  const forget = useMutation<unknown, ApiError>({
    mutationFn: () => request(path, tenant, { method: 'DELETE' }),
    onSuccess: done,
  });
  const failed = put.error ?? forget.error;
  const told = Object.values(owner?.sources ?? {}).includes('api');
  return (
    <Modal opened onClose={close} title={`Owner of ${service.slice(0, 100)}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          put.mutate();
        }}
      >
        <Stack gap="xs">
          {FIELDS.map(({ name, label }) => (
            <TextInput
              key={name}
              label={label}
              placeholder={isTold(name) ? '' : (owner?.[name] ?? '')}
              value={texts[name] ?? ''}
              onChange={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
            />
          ))}
          <NumberInput
            label="Apdex: a request that takes no longer satisfies, in milliseconds"
            size="xs"
            min={0.001}
            placeholder={isTold('apdex_ms') ? '' : String(owner?.apdex_ms ?? '')}
            value={apdex}
            onChange={setApdex}
          />
          <Text size="xs" className="quiet">
            What is left empty, the owners' file says, if there is one.
          </Text>
          {failed && <ErrorBox error={failed} />}
          <Group justify="space-between">
            {told ? (
              <Button variant="subtle" color="red" loading={forget.isPending} onClick={() => forget.mutate()}>
                Forget what was told here
              </Button>
            ) : (
              <span />
            )}
            <Button type="submit" loading={put.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
