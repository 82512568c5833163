import { HOSTILE, SLOW } from './shop';

const enc = encodeURIComponent;
/** An order like the slow one. */
const OTHER = (360).toString(16).padStart(32, 'a0b1c2d3e4f5');

/** Every page and the states of it that look different. The name is that of its picture as well. */
export const VIEWS: { name: string; path: string }[] = [
  { name: 'overview', path: '/' },
  { name: 'services', path: '/services' },
  { name: 'service', path: '/services/payment' },
  { name: 'service-dependencies', path: '/services/checkout?tab=dependencies' },
  { name: 'service-errors', path: '/services/payment?tab=errors' },
  { name: 'service-logs', path: '/services/payment?tab=logs' },
  { name: 'service-deploys', path: '/services/payment?tab=deploys' },
  { name: 'service-instances', path: '/services/payment?tab=instances' },
  { name: 'map', path: '/map' },
  { name: 'map-table', path: '/map?as=table' },
  { name: 'map-difference', path: '/map?diff=before&from=-11m' },
  { name: 'traces', path: '/traces' },
  { name: 'traces-failed', path: `/traces?q=${enc('{ status = error }')}` },
  { name: 'trace', path: `/traces/${SLOW.traceId}` },
  { name: 'trace-flames', path: `/traces/${SLOW.traceId}?view=flames` },
  { name: 'trace-path', path: `/traces/${SLOW.traceId}?view=path` },
  { name: 'trace-statistics', path: `/traces/${SLOW.traceId}?view=statistics` },
  { name: 'trace-map', path: `/traces/${SLOW.traceId}?view=map` },
  { name: 'trace-compare', path: `/traces/${SLOW.traceId}?view=compare&with=${OTHER}` },
  { name: 'logs', path: '/logs' },
  { name: 'logs-table', path: '/logs?view=table' },
  { name: 'logs-patterns', path: '/logs?view=patterns' },
  { name: 'metrics', path: `/series?q=${enc('sum by (service_name) (rate(shop_orders_total[5m]))')}` },
  {
    name: 'metrics-builder',
    path: `/series?build=1&q=${enc('histogram_quantile(0.95, sum by (le) (rate(shop_payment_duration_seconds_bucket[5m])))')}`,
  },
  { name: 'dashboards', path: '/dashboards' },
  { name: 'dashboard', path: '/dashboards/shop' },
  { name: 'dashboard-edit', path: '/dashboards/shop?edit=yes' },
  { name: 'sampling', path: '/sampling' },
  { name: 'sampling-policies', path: '/sampling?tab=policies' },
  { name: 'usage', path: '/usage' },
];

/** States that are tested but make no picture. */
export const STATES: { name: string; path: string }[] = [
  { name: 'empty overview', path: '/?tenant=nobody' },
  { name: 'map around a node in groups', path: `/map?group=version&focus=payment&up=1&down=1` },
  { name: 'calls over time', path: '/map?as=table&source=service:checkout&target=service:payment' },
  { name: 'empty logs', path: '/logs?tenant=nobody' },
  { name: 'query with an error', path: `/logs?q=${enc('{service_name="cart"} |= ')}` },
  { name: 'trace with nothing to compare with', path: `/traces/${SLOW.traceId}?view=compare` },
  { name: 'builder of traces', path: `/traces?build=1&q=${enc('{ status = error && duration > 10ms }')}` },
  { name: 'builder of what it cannot show', path: `/series?build=1&q=${enc('up / on (job) up')}` },
  { name: 'wrapped lines', path: '/logs?wrap=1' },
  { name: 'lines as JSON', path: '/logs?view=json' },
  { name: 'policies as YAML', path: '/sampling?tab=policies&as=yaml' },
  { name: 'budgets', path: '/sampling?tab=budgets' },
  { name: 'rewind', path: '/sampling?tab=rewind' },
  { name: 'unknown trace', path: `/traces/${'f'.repeat(32)}` },
  { name: 'unknown dashboard', path: '/dashboards/none' },
  { name: 'unknown page', path: '/no/such/page' },
  { name: 'service with a hostile name', path: `/services/${enc(HOSTILE)}` },
  { name: 'trace with hostile names', path: `/traces/${'e'.repeat(32)}` },
];
