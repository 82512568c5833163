import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { readToken } from '../api/ahead';
import { show } from '../test-render';
import { Login } from './Login';

test('token and tenant are taken; the token is in no link and no lasting storage', async () => {
  const close = vi.fn();
  const { user, url } = await show(<Login opened close={close} refused={false} />, '/logs');
  await user.type(await screen.findByLabelText('Token'), ' tro_secret ');
  await user.type(screen.getByLabelText('Tenant'), 'acme');
  await user.click(screen.getByRole('button', { name: 'Use it' }));
  expect(close).toHaveBeenCalledOnce();
  expect(readToken()).toBe('tro_secret');
  expect(url()).toBe('/logs?tenant=acme');
  expect(JSON.stringify({ ...localStorage })).not.toContain('secret');
});

test('a refused token is told', async () => {
  await show(<Login opened close={() => {}} refused />);
  expect((await screen.findByRole('dialog', { name: 'Access' })).textContent).toContain('refuses this token');
});
