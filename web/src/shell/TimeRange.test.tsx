import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { show } from '../test-render';
import { TimeRange } from './TimeRange';

test('a preset is put into the link', async () => {
  const { user, url } = await show(<TimeRange />, '/logs?q=x');
  await user.click(screen.getByRole('button', { name: 'Last hour' }));
  await user.click(await screen.findByRole('button', { name: '15 minutes' }));
  expect(await screen.findByRole('button', { name: 'Last 15 minutes' })).toBeTruthy();
  expect(url()).toBe('/logs?q=x&from=-15m&to=now');
});

test('two moments are read, and refused when they are none or the wrong way round', async () => {
  localStorage.setItem('traceo-utc', 'true');
  const { user, url } = await show(<TimeRange />);
  await user.click(screen.getByRole('button', { name: 'Last hour' }));
  const dialog = await screen.findByRole('dialog');
  const [from, to] = [within(dialog).getByLabelText('From'), within(dialog).getByLabelText('To')];
  const type = async (box: HTMLElement, text: string) => {
    await user.clear(box);
    await user.click(box);
    await user.paste(text);
  };
  await type(from, 'yesterday');
  expect(within(dialog).getByText('Like 2026-11-26 14:00')).toBeTruthy();
  await type(from, '2026-01-01 12:00');
  await type(to, '2026-01-01 11:00');
  expect(within(dialog).getByText('The end is before the start')).toBeTruthy();
  expect(within(dialog).getByRole('button', { name: 'Apply' }).hasAttribute('disabled')).toBe(true);
  await type(to, '2026-01-01 13:00');
  await user.click(within(dialog).getByRole('button', { name: 'Apply' }));
  expect(await screen.findByRole('button', { name: '2026-01-01 12:00:00 – 2026-01-01 13:00:00' })).toBeTruthy();
  expect(url()).toBe(`/?from=${Date.UTC(2026, 0, 1, 12)}&to=${Date.UTC(2026, 0, 1, 13)}`);
});

test('a range that ends now is paused and goes on; one that has ended cannot be', async () => {
  const { user } = await show(<TimeRange />);
  await user.click(screen.getByRole('button', { name: 'Pause' }));
  expect(screen.getByRole('button', { name: 'Go on' }).getAttribute('aria-pressed')).toBe('true');
});
