/** Very many services that call each other like a tree, as OTLP: what large installations look like. */

const CALLS = 12; // of each service, so that health is judged
const SERVICES_A_BATCH = 100;
const MS = 1_000_000n;
const MINUTE_NS = 60_000n * MS;
export const FLEET = 'fleet';
export const BIG_TRACE = 'b16'.padEnd(32, '0');

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');

export function nameOf(place: number): string {
  return `team-${place % 12}-service-${place}`;
}

/** The service `place` is called by that at a third of its place, some fail, some have become slow. */
export async function sendFleet(otlp: string, services: number, tenant = FLEET): Promise<void> {
  const nowNs = BigInt(Date.now()) * MS;
  for (let first = 0; first < services; first += SERVICES_A_BATCH) {
    const resourceSpans = [];
    for (let place = first; place < Math.min(services, first + SERVICES_A_BATCH); place += 1) {
      const caller = place === 0 ? null : Math.floor((place - 1) / 3);
      for (let call = 0; call < CALLS; call += 1) {
        const traceId = hex(place * CALLS + call + 1, 32);
        const start = nowNs - BigInt(2 + (call % 6)) * MINUTE_NS;
        const failed = place % 41 === 7 && call < 2;
        const duration = BigInt(5 + (place % 90)) * MS;
        const span = (id: number, parent: string, kind: number, name: string) => ({
          ...{ traceId, spanId: hex(id, 16), parentSpanId: parent, kind, name },
          ...{ startTimeUnixNano: String(start), endTimeUnixNano: String(start + duration) },
          status: failed ? { code: 2 } : {},
        });
        const called = span(2, caller === null ? '' : hex(1, 16), 2, `GET /${place}`);
        resourceSpans.push(ofService(place, called));
        if (caller !== null) resourceSpans.push(ofService(caller, span(1, '', 3, `call ${place}`)));
      }
    }
    await post(otlp, { resourceSpans }, tenant);
  }
}

/** One trace of very many spans, each the child of one at an eighth of its place. */
export async function sendBigTrace(otlp: string, spans: number): Promise<void> {
  const start = BigInt(Date.now()) * MS - MINUTE_NS;
  const atOnce = 5000;
  for (let first = 0; first < spans; first += atOnce) {
    const sent = Array.from({ length: Math.min(atOnce, spans - first) }, (_, offset) => {
      const place = first + offset;
      const begun = start + BigInt(place) * 10_000n;
      return {
        ...{ traceId: BIG_TRACE, spanId: hex(place + 1, 16), kind: 1, name: `step ${place % 50}` },
        parentSpanId: place === 0 ? '' : hex(Math.floor((place - 1) / 8) + 1, 16),
        ...{ startTimeUnixNano: String(begun), endTimeUnixNano: String(begun + 2n * MS) },
      };
    });
    const resource = { attributes: [text('service.name', 'batch')] };
    await post(otlp, { resourceSpans: [{ resource, scopeSpans: [{ spans: sent }] }] }, FLEET);
  }
}

function ofService(place: number, span: unknown): unknown {
  const attributes = [
    ...[text('service.name', nameOf(place)), text('service.namespace', `team-${place % 12}`)],
    ...[text('service.version', '1.0.0'), text('telemetry.sdk.language', 'go')],
  ];
  return { resource: { attributes }, scopeSpans: [{ scope: { name: 'fleet' }, spans: [span] }] };
}

async function post(otlp: string, body: unknown, tenant: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json', 'X-Scope-OrgID': tenant };
  const answer = await fetch(`${otlp}/v1/traces`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`fleet: ${answer.status} ${await answer.text()}`);
}
