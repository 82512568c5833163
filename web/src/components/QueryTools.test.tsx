import { screen, waitFor, within } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { remember } from '../lib/recent';
import { serve, show } from '../test-render';
import { QueryTools } from './QueryTools';

const SAVED = {
  queries: [{ id: 7, name: 'Errors', language: 'promql', query: 'rate(errors[5m])', created_by: 'token ann' }],
};
const LESSONS = [{ title: 'Choose series', lines: [['up', 'All series.']] }] as const;

async function open(path = '/series') {
  const asked = serve({ 'GET /api/v1/saved-queries': SAVED, 'POST /api/v1/saved-queries': {}, 'DELETE /api/v1/': {} });
  const run = vi.fn();
  const page = await show(<QueryTools language="promql" query="sum(up)" run={run} lessons={LESSONS} />, path);
  return { ...page, asked, run };
}

test('what was saved and what was asked lately is a click away', async () => {
  remember('promql', '', 'up == 0');
  const { user, run } = await open();
  await user.click(screen.getByRole('button', { name: 'Saved and recent queries in PromQL' }));
  const drawer = await screen.findByRole('dialog', { name: 'Queries in PromQL' });
  const saved = await within(drawer).findByRole('button', { name: /^Errors/ });
  expect(saved.textContent).toContain('by token ann');
  const recent = within(within(drawer).getByRole('region', { name: /^Recent/ }));
  expect(recent.getAllByRole('listitem').map(({ textContent }) => textContent)).toEqual(['sum(up)', 'up == 0']);
  await user.click(recent.getByRole('button', { name: 'Forget them' }));
  expect(recent.queryAllByRole('listitem')).toEqual([]);
  await user.click(saved);
  expect(run).toHaveBeenCalledWith('rate(errors[5m])');
});

test('a query is saved under a name, and deleted', async () => {
  const { user, asked } = await open('/series?tenant=acme');
  await user.click(screen.getByRole('button', { name: 'Saved and recent queries in PromQL' }));
  await user.type(await screen.findByRole('textbox', { name: /Save this query as/ }), 'Up{Enter}');
  await waitFor(() => expect(asked.map(({ method }) => method)).toContain('POST'));
  const posted = asked.find(({ method }) => method === 'POST');
  expect(JSON.parse(String(posted?.body))).toEqual({ name: 'Up', language: 'promql', query: 'sum(up)' });
  expect(posted?.headers['X-Scope-OrgID']).toBe('acme');
  await user.click(await screen.findByRole('button', { name: 'Delete the saved query Errors' }));
  await waitFor(() => expect(asked.find(({ method }) => method === 'DELETE')?.url).toBe('/api/v1/saved-queries/7'));
});

test('an example of the help is taken', async () => {
  const { user, run } = await open();
  await user.click(screen.getByRole('button', { name: 'Help on PromQL' }));
  await user.click(await screen.findByRole('button', { name: 'up' }));
  expect(run).toHaveBeenCalledWith('up');
});
