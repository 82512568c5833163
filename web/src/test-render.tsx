/** For tests: a component within theme, queries, a router and the shell; the server is a list of answers. */

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from '@tanstack/react-router';
import { render, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { expect, vi } from 'vitest';
import { SEARCH_AS_TEXT } from './lib/search';
import { ShellProvider } from './shell/state';
import { theme } from './theme';

export interface Asked {
  method: string;
  url: string;
  body: unknown;
  headers: Record<string, string>;
}

type Answers = Record<string, unknown>;

const PATHS = ['/', '/series', '/logs', '/traces', '/traces/$traceId', '/sampling'];

/** `answers`: by how method and path begin, such as `GET /api/v1/services`; a number is a status. */
export function serve(answers: Answers): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}) => {
    const method = init.method ?? 'GET';
    const body = typeof init.body === 'string' ? init.body : undefined;
    asked.push({ method, url, body, headers: init.headers as Record<string, string> });
    const found = Object.keys(answers).find((begin) => `${method} ${decodeURIComponent(url)}`.startsWith(begin));
    const answer = found === undefined ? 404 : answers[found];
    return typeof answer === 'number'
      ? new Response(JSON.stringify({ error: { type: 'error', message: `status ${answer}` } }), { status: answer })
      : new Response(JSON.stringify(answer));
  });
  return asked;
}

/** Resolves when the component is on the page. */
export async function show(element: ReactNode, path = '/') {
  const root = createRootRoute({
    component: () => (
      <ShellProvider>
        <Outlet />
      </ShellProvider>
    ),
  });
  const routes = PATHS.map((each) => createRoute({ getParentRoute: () => root, path: each, component: () => element }));
  const history = createMemoryHistory({ initialEntries: [path] });
  const router = createRouter({ routeTree: root.addChildren(routes), history, ...SEARCH_AS_TEXT });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const { container } = render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={client}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await waitFor(() => expect(container.textContent || container.querySelector('input,textarea,button')).toBeTruthy());
  return { user: userEvent.setup(), url: () => router.history.location.href };
}
