import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { ApiError } from '../api/client';
import { show } from '../test-render';
import { ErrorBox } from './ErrorBox';

test('an error of a query points at its place, and gives the hint of the server', async () => {
  const error = new ApiError(400, { type: 'parse', message: 'unexpected )', position: 4, hint: 'Close the brace' });
  await show(<ErrorBox error={error} query="sum()" />);
  const alert = screen.getByRole('alert');
  expect(alert.textContent).toContain('unexpected )');
  expect(alert.textContent).toContain('sum()\n    ^');
  expect(alert.textContent).toContain('Close the brace');
  expect(screen.queryByRole('button')).toBeNull();
});

test.each([
  [0, /reachable from this browser/],
  [401, /Log in with a token/],
  [422, /shorter time range/],
])('status %d says what to do', async (status, advice) => {
  await show(<ErrorBox error={new ApiError(status, { type: 'x', message: 'No' })} />);
  expect(screen.getByRole('alert').textContent).toMatch(advice);
});

test('it can be tried again, and what came from outside is text', async () => {
  const retry = vi.fn();
  const error = new ApiError(500, { type: 'x', message: '<img src=x onerror=alert(1)>' });
  const { user } = await show(<ErrorBox error={error} retry={retry} />);
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  expect(retry).toHaveBeenCalledOnce();
  expect(document.querySelector('img')).toBeNull();
});
