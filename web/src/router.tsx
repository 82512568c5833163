/** Every page's URL. Pages are loaded when they are visited; the range and tenant stay in the URL from page to page. */

import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from '@tanstack/react-router';
import { Page } from './components/Page';
import { SEARCH_AS_TEXT } from './lib/search';
import { Frame } from './shell/Frame';
import { PAGES } from './shell/pages';
import { type GlobalSearch, ShellProvider } from './shell/state';

/** Texts only: numbers would lose digits of 64 bits, and `-1h` is none. */
function texts<Names extends string>(...names: Names[]) {
  return (given: Record<string, unknown>): { [Name in Names]?: string } => {
    const found: { [Name in Names]?: string } = {};
    for (const name of names) if (given[name] !== undefined && given[name] !== '') found[name] = String(given[name]);
    return found;
  };
}

const root = createRootRoute({
  component: () => (
    <ShellProvider>
      <Frame />
    </ShellProvider>
  ),
  validateSearch: texts('from', 'to', 'tenant') as (given: Record<string, unknown>) => GlobalSearch,
  search: { middlewares: [retainSearchParams<GlobalSearch>(['from', 'to', 'tenant'])] },
  notFoundComponent: () => <Page title="There is no such page">The menu lists those that there are.</Page>,
});

/** A dashboard's variables have names of their own: `var-service`. */
function dashboardSearch(given: Record<string, unknown>): {
  edit?: string;
  [variable: `var-${string}`]: string | undefined;
} {
  return texts('edit', ...Object.keys(given).filter((name) => name.startsWith('var-')))(given);
}

const page = { getParentRoute: () => root };

const routes = [
  createRoute({ ...page, path: '/', component: lazyRouteComponent(() => import('./pages/home/HomePage')) }),
  createRoute({
    ...page,
    path: '/services',
    component: lazyRouteComponent(() => import('./pages/services/ServicesPage')),
    validateSearch: texts('find', 'sort', 'order'),
  }),
  createRoute({
    ...page,
    path: '/services/$service',
    component: lazyRouteComponent(() => import('./pages/services/ServicePage')),
    validateSearch: texts('tab'),
  }),
  createRoute({
    ...page,
    path: '/map',
    component: lazyRouteComponent(() => import('./pages/map/MapPage')),
    validateSearch: texts('focus', 'up', 'down', 'find', 'as', 'health', 'group', 'diff', 'at', 'source', 'target'),
  }),
  createRoute({
    ...page,
    path: '/traces',
    component: lazyRouteComponent(() => import('./pages/traces/TracesPage')),
    validateSearch: texts('q', 'limit', 'build'),
  }),
  createRoute({
    ...page,
    path: '/traces/$traceId',
    component: lazyRouteComponent(() => import('./pages/traces/TracePage')),
    validateSearch: texts('span', 'view', 'with'),
  }),
  createRoute({
    ...page,
    path: '/logs',
    component: lazyRouteComponent(() => import('./pages/logs/LogsPage')),
    validateSearch: texts('q', 'view', 'wrap'),
  }),
  createRoute({
    ...page,
    // Not /metrics: that is the server's own, for Prometheus.
    path: '/series',
    component: lazyRouteComponent(() => import('./pages/metrics/MetricsPage')),
    validateSearch: texts('q', 'view', 'build'),
  }),
  createRoute({
    ...page,
    path: '/dashboards',
    component: lazyRouteComponent(() => import('./pages/dashboards/DashboardsPage')),
    validateSearch: texts('find', 'sort', 'order'),
  }),
  createRoute({
    ...page,
    path: '/dashboards/$id',
    component: lazyRouteComponent(() => import('./pages/dashboards/DashboardPage')),
    validateSearch: dashboardSearch,
  }),
  createRoute({
    ...page,
    path: '/sampling',
    component: lazyRouteComponent(() => import('./pages/sampling/SamplingPage')),
    validateSearch: texts('tab', 'by', 'as'),
  }),
  createRoute({ ...page, path: '/usage', component: lazyRouteComponent(() => import('./pages/usage/UsagePage')) }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  scrollRestoration: true,
  ...SEARCH_AS_TEXT,
});

const IDLE_MS = 200;

/** Loads the code of the menu's pages when the first has its answers, so that going there does not wait for it. */
export async function preloadPages(client: QueryClient): Promise<void> {
  do await new Promise((wake) => setTimeout(wake, IDLE_MS));
  while (client.isFetching() > 0);
  for (const { to } of PAGES) {
    await new Promise((idle) => ('requestIdleCallback' in window ? requestIdleCallback(idle) : setTimeout(idle)));
    await router.preloadRoute({ to });
  }
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
