/** Half an hour of a small shop as OTLP: a deploy of payment that makes it slow and lets it fail, and one very slow order. */

const MINUTES = 30;
const ORDERS_A_MINUTE = 12;
const DEPLOY_MINUTES_AGO = 10;
const BATCH = 60;
const MS = 1_000_000n;

export const SLOW = {
  traceId: '5105105105105105105105105105105a',
  operation: 'SELECT accounts FOR UPDATE',
  line: 'lock on accounts held for 2300 ms by nightly_export',
};
/** In the names and values of one service: shown as text, wherever they are. */
export const HOSTILE = '<img src=x onerror="document.title=1"> \u202Eevil\u202C & Söhne';

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string };
}

interface Call {
  service: string;
  name: string;
  kind: 1 | 2 | 3 | 4;
  /** After the start of its parent, and how long. */
  offsetMs: number;
  ms: number;
  attributes?: Record<string, string | number>;
  error?: string;
  logs?: [severity: number, text: string][];
  calls?: Call[];
}

interface Sent {
  resource: { attributes: Attribute[] };
  scopeSpans: { scope: { name: string; version: string }; spans: unknown[] }[];
}

/** The same numbers each time: pages look the same from run to run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    yield state / 4_294_967_296;
  }
}

const VERSIONS: Record<string, string> = { frontend: '4.2.0', cart: '2.8.1', checkout: '1.31.0', catalog: '3.0.4' };
const LANGUAGES: Record<string, string> = { frontend: 'nodejs', cart: 'go', checkout: 'java', payment: 'python' };

function attributes(of: Record<string, string | number>): Attribute[] {
  return Object.entries(of).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}

function resource(service: string, minutesAgo: number): { attributes: Attribute[] } {
  const payment = minutesAgo > DEPLOY_MINUTES_AGO ? '1.9.3' : '1.10.0';
  return {
    attributes: attributes({
      'service.name': service,
      'service.namespace': 'shop',
      'service.version': service === 'payment' ? payment : (VERSIONS[service] ?? '1.0.0'),
      'service.instance.id': `${service}-0`,
      'deployment.environment.name': 'production',
      'telemetry.sdk.language': LANGUAGES[service] ?? 'go',
      'telemetry.sdk.version': '1.44.0',
      'host.name': `node-${(service.length % 3) + 1}`,
    }),
  };
}

/** One order, or a look at the catalogue. */
function story(random: () => number, minutesAgo: number): Call {
  const jitter = () => 0.7 + random() * 0.6 + (random() > 0.96 ? 2 : 0);
  if (random() < 0.4) {
    const ms = 18 * jitter();
    return {
      ...{ service: 'frontend', name: 'GET /products', kind: 2, offsetMs: 0, ms: ms + 9 },
      attributes: { 'http.request.method': 'GET', 'http.route': '/products', 'http.response.status_code': 200 },
      logs: [[9, `listed ${Math.round(random() * 40)} products in ${Math.round(ms)} ms`]],
      calls: [
        { service: 'catalog', name: 'ListProducts', kind: 2, offsetMs: 3, ms, calls: [database('products', ms)] },
      ],
    };
  }
  const deployed = minutesAgo <= DEPLOY_MINUTES_AGO;
  return order(jitter, (deployed ? 160 : 45) * jitter(), deployed && random() < 0.22 ? 'card declined by bank' : '');
}

function database(table: string, ms: number): Call {
  return {
    ...{
      service: table === 'products' ? 'catalog' : 'cart',
      name: `SELECT ${table}`,
      kind: 3,
      offsetMs: 2,
      ms: ms * 0.6,
    },
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'server.address': 'pg-1',
      'db.operation.name': 'SELECT',
    },
  };
}

function order(jitter: () => number, paymentMs: number, error: string): Call {
  const cartMs = 12 * jitter();
  const failed = error ? { error } : {};
  const bank: Call = {
    ...{ service: 'payment', name: 'POST /charges', kind: 3, offsetMs: 6, ms: paymentMs * 0.8, ...failed },
    attributes: {
      'http.request.method': 'POST',
      'server.address': 'bank.example',
      'http.response.status_code': error ? 402 : 200,
    },
  };
  const payment: Call = {
    ...{ service: 'payment', name: 'Charge', kind: 2, offsetMs: cartMs + 8, ms: paymentMs, calls: [bank], ...failed },
    attributes: { 'rpc.system': 'grpc', 'rpc.service': 'Payment', 'app.currency': 'EUR' },
    logs: error
      ? [[17, `charge failed: ${error}`]]
      : [[9, `charged ${Math.round(paymentMs * 3)} EUR to card ending 4242`]],
  };
  const cart: Call = {
    service: 'cart',
    name: 'GetCart',
    kind: 2,
    offsetMs: 4,
    ms: cartMs,
    calls: [database('carts', cartMs)],
  };
  const total = cartMs + paymentMs + 24;
  return {
    ...{ service: 'frontend', name: 'POST /checkout', kind: 2, offsetMs: 0, ms: total + 8, ...failed },
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/checkout',
      'http.response.status_code': error ? 500 : 200,
    },
    calls: [
      {
        service: 'checkout',
        name: 'PlaceOrder',
        kind: 2,
        offsetMs: 3,
        ms: total,
        calls: [cart, payment],
        ...failed,
        logs: error ? [[13, 'order refused, cart kept']] : [[9, `order placed in ${Math.round(total)} ms`]],
      },
    ],
  };
}

function slowOrder(): Call {
  const call = order(() => 1, 2450, '');
  const payment = call.calls?.[0]?.calls?.[1];
  payment?.calls?.push({
    ...{ service: 'payment', name: SLOW.operation, kind: 3, offsetMs: 12, ms: 2300, logs: [[13, SLOW.line]] },
    attributes: { 'db.system.name': 'postgresql', 'db.namespace': 'bank', 'server.address': 'pg-2' },
  });
  return call;
}

function hostile(): Call {
  return {
    ...{ service: HOSTILE, name: `${HOSTILE} ${'long'.repeat(500)}`, kind: 2, offsetMs: 0, ms: 3 },
    attributes: { [HOSTILE]: HOSTILE },
    logs: [[9, HOSTILE]],
  };
}

class Batch {
  private spans = new Map<string, Sent>();
  private logs: unknown[] = [];
  private ids: number;

  constructor(seed: number) {
    this.ids = seed * 100_000;
  }

  add(root: Call, traceId: string, startNs: bigint, minutesAgo: number): void {
    const walk = (call: Call, parent: string, start: bigint) => {
      const spanId = (++this.ids).toString(16).padStart(16, '0');
      const end = start + BigInt(Math.round(call.ms * 1e6));
      const key = `${call.service} ${minutesAgo <= DEPLOY_MINUTES_AGO}`;
      const scope = { name: `shop.${call.service}`, version: '1.0.0' };
      const of = this.spans.get(key) ?? {
        resource: resource(call.service, minutesAgo),
        scopeSpans: [{ scope, spans: [] }],
      };
      this.spans.set(key, of);
      of.scopeSpans[0]?.spans.push({
        ...{ traceId, spanId, parentSpanId: parent, name: call.name, kind: call.kind },
        ...{ startTimeUnixNano: String(start), endTimeUnixNano: String(end) },
        attributes: attributes(call.attributes ?? {}),
        status: call.error ? { code: 2, message: call.error } : {},
        events: call.error ? [failure(call.error, end)] : [],
      });
      for (const [severityNumber, text] of call.logs ?? []) {
        const record = { timeUnixNano: String(end - MS), severityNumber, body: { stringValue: text }, traceId, spanId };
        this.logs.push({ resource: resource(call.service, minutesAgo), scopeLogs: [{ scope, logRecords: [record] }] });
      }
      for (const each of call.calls ?? []) walk(each, spanId, start + BigInt(Math.round(each.offsetMs * 1e6)));
    };
    walk(root, '', startNs);
  }

  async send(otlp: string): Promise<void> {
    await post(otlp, 'traces', { resourceSpans: [...this.spans.values()] });
    await post(otlp, 'logs', { resourceLogs: this.logs });
  }
}

function failure(message: string, timeNs: bigint): unknown {
  return {
    ...{ name: 'exception', timeUnixNano: String(timeNs - MS) },
    attributes: attributes({ 'exception.type': 'PaymentError', 'exception.message': message }),
  };
}

async function post(otlp: string, signal: string, body: unknown): Promise<void> {
  const sent = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`${otlp}/v1/${signal}`, sent);
  if (!answer.ok) throw new Error(`${signal}: ${answer.status} ${await answer.text()}`);
}

/** Send it all, up to the last whole minute: figures are kept by the minute, and the deploy is where one begins. */
export async function sendShop(otlp: string): Promise<void> {
  const stream = numbers(11);
  const random = () => stream.next().value;
  const nowNs = BigInt(Math.floor(Date.now() / 60_000) * 60_000) * MS;
  const count = MINUTES * ORDERS_A_MINUTE;
  for (let first = 0; first < count; first += BATCH) {
    const batch = new Batch(first + 1);
    for (let place = first; place < Math.min(first + BATCH, count); place += 1) {
      const minutesAgo = MINUTES - place / ORDERS_A_MINUTE;
      const traceId = (place + 1).toString(16).padStart(32, 'a0b1c2d3e4f5');
      const startNs = nowNs - BigInt(Math.round(minutesAgo * 60_000)) * MS;
      batch.add(story(random, minutesAgo), traceId, startNs, minutesAgo);
    }
    await batch.send(otlp);
  }
  const last = new Batch(9999);
  last.add(slowOrder(), SLOW.traceId, nowNs - 90_000n * MS, 1.5);
  last.add(hostile(), 'e'.repeat(32), nowNs - 60_000n * MS, 1);
  await last.send(otlp);
  await post(otlp, 'metrics', {
    resourceMetrics: [...['frontend', 'checkout'].map((service) => metrics(service, nowNs)), latencies(nowNs)],
  });
}

function metrics(service: string, nowNs: bigint): unknown {
  const startTimeUnixNano = String(nowNs - BigInt(MINUTES) * 60_000n * MS);
  const points = Array.from({ length: MINUTES * 4 }, (_, place) => place);
  const at = (place: number) => String(nowNs - BigInt((points.length - place) * 15_000) * MS);
  const orders = points.map((place) => ({ startTimeUnixNano, timeUnixNano: at(place), asInt: String(place * 3) }));
  const memory = points.map((place) => ({
    timeUnixNano: at(place),
    asDouble: 2.1e8 + 4e7 * Math.sin(place / 9 + service.length),
  }));
  return {
    resource: resource(service, 1),
    scopeMetrics: [
      {
        scope: { name: 'shop' },
        metrics: [
          {
            name: 'shop.orders',
            unit: '{order}',
            description: 'Orders placed.',
            sum: { dataPoints: orders, aggregationTemporality: 2, isMonotonic: true },
          },
          { name: 'process.memory.usage', unit: 'By', description: 'Memory in use.', gauge: { dataPoints: memory } },
        ],
      },
    ],
  };
}

/** How long payments took, with the slow order as an exemplar. */
function latencies(nowNs: bigint): unknown {
  const startTimeUnixNano = String(nowNs - BigInt(MINUTES) * 60_000n * MS);
  const dataPoints = Array.from({ length: MINUTES * 4 }, (_, place) => {
    const left = MINUTES * 4 - place;
    const isSlow = left === 6;
    const counts = [place * 2, place * 3, isSlow || left < 6 ? 1 : 0, 0];
    return {
      startTimeUnixNano,
      timeUnixNano: String(nowNs - BigInt(left * 15_000) * MS),
      count: String(counts.reduce((sum, count) => sum + count, 0)),
      sum: place * 0.4,
      explicitBounds: [0.1, 1, 5],
      bucketCounts: counts.map(String),
      exemplars: isSlow
        ? [{ timeUnixNano: String(nowNs - 90_000n * MS), asDouble: 2.45, traceId: SLOW.traceId, spanId: '' }]
        : [],
    };
  });
  return {
    resource: resource('payment', 1),
    scopeMetrics: [
      {
        scope: { name: 'shop' },
        metrics: [
          {
            name: 'shop.payment.duration',
            unit: 's',
            description: 'How long charges took.',
            histogram: { dataPoints, aggregationTemporality: 2 },
          },
        ],
      },
    ],
  };
}
