import { Button, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { readToken, writeToken } from '../api/ahead';
import { useShell } from './state';

/** Who one is (a token, kept until the browser's tab is closed) and which tenant's data one sees. */
export function Login({ opened, close, refused }: { opened: boolean; close: () => void; refused: boolean }) {
  const { tenant, setTenant, refresh } = useShell();
  const client = useQueryClient();
  const [token, setToken] = useState(readToken());
  const [name, setName] = useState(tenant);
  return (
    <Modal opened={opened} onClose={close} title="Access" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          writeToken(token.trim());
          client.clear();
          if (name.trim() !== tenant) setTenant(name.trim());
          refresh();
          close();
        }}
      >
        <Stack gap="sm">
          <PasswordInput
            label="Token"
            description="Made with: traceo token create NAME --scope read"
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            error={refused && 'Traceo refuses this token: it is unknown, expired or revoked'}
            autoComplete="off"
            data-autofocus
          />
          <TextInput
            label="Tenant"
            description="Only for tokens that may see several; empty: the token's own"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
          />
          <Text size="xs" className="quiet">
            The token stays in this tab and is forgotten when it is closed. It is never part of a link.
          </Text>
          <Button type="submit">Use it</Button>
        </Stack>
      </form>
    </Modal>
  );
}
