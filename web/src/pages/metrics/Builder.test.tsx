import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { serve, show } from '../../test-render';
import { Builder } from './Builder';

const SELECTOR = { type: 'vectorSelector', name: 'up', matchers: [{ name: '__name__', value: 'up', type: '=' }] };

function answers(tree: unknown) {
  serve({
    'GET /prometheus/api/v1/parse_query': { data: tree },
    'GET /prometheus/api/v1/label/__name__/values': { data: ['up', 'requests_total'] },
    'GET /prometheus/api/v1/labels': { data: ['__name__', 'job', 'path'] },
    'GET /prometheus/api/v1/label/job/values': { data: ['shop'] },
  });
}

test('a query is read, changed by choosing, and used', async () => {
  answers(SELECTOR);
  const run = vi.fn();
  const { user } = await show(<Builder query="up" run={run} />, '/series');
  const metric = await screen.findByDisplayValue('up');
  await user.clear(metric);
  await user.click(metric);
  await user.paste('requests_total');
  await user.click(screen.getByText('Add a condition'));
  await user.click(screen.getByPlaceholderText('label'));
  await user.paste('job');
  await user.click(screen.getByPlaceholderText('value'));
  await user.paste('shop');
  await user.click(screen.getByText('Use this query'));
  expect(run).toHaveBeenCalledWith('sum(rate(requests_total{job="shop"}[5m]))');
});

test('a query that says more than the form is not silently cut', async () => {
  answers({ type: 'binaryExpr', op: '/' });
  await show(<Builder query="a / b" run={() => {}} />, '/series');
  expect(await screen.findByText(/says more than this form can show/)).toBeTruthy();
});
