/** The pages, as navigation, palette and shortcuts list them. */

import {
  IconActivity,
  IconChartLine,
  IconFilter,
  IconHome,
  IconLayoutDashboard,
  IconList,
  IconSitemap,
  IconTopologyStar3,
  IconUpload,
} from '../lib/icons';

export const PAGES = [
  { to: '/', label: 'Overview', key: 'o', icon: IconHome, about: 'Health of everything' },
  { to: '/services', label: 'Services', key: 's', icon: IconActivity, about: 'Rate, errors, duration, owners' },
  { to: '/map', label: 'Service map', key: 'm', icon: IconTopologyStar3, about: 'Who calls whom' },
  { to: '/traces', label: 'Traces', key: 't', icon: IconSitemap, about: 'TraceQL, heat map, comparison' },
  { to: '/logs', label: 'Logs', key: 'l', icon: IconList, about: 'LogQL, patterns, live tail' },
  { to: '/series', label: 'Metrics', key: 'x', icon: IconChartLine, about: 'PromQL, charts, exemplars' },
  {
    to: '/dashboards',
    label: 'Dashboards',
    key: 'b',
    icon: IconLayoutDashboard,
    about: 'Your own panels, imports of Grafana',
  },
  { to: '/sampling', label: 'Sampling', key: 'p', icon: IconFilter, about: 'Policies, ledger, budgets, what-if' },
  { to: '/usage', label: 'Ingest and usage', key: 'u', icon: IconUpload, about: 'What arrives, how to send' },
] as const;
