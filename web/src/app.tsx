import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client';
import { preloadPages, router } from './router';
import { theme } from './theme';

const TRIES = 3;
const client = new QueryClient({
  defaultOptions: {
    queries: {
      // What was asked wrongly stays wrong; what was busy or away may come back.
      retry: (tries, error) =>
        tries < TRIES &&
        error instanceof ApiError &&
        (error.status === 0 || error.status === 429 || error.status >= 500),
      retryDelay: (tries) => Math.min(1000 * 2 ** tries, 15_000),
      staleTime: 5000,
      networkMode: 'always',
    },
  },
});
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
const root = document.getElementById('root');
if (!root) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
const done = router.subscribe('onRendered', () => {
  done();
  void preloadPages(client);
});
