/** What a page shows is read again as soon as its one WebSocket tells that something has arrived. */

import { type Query, type QueryClient, type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type Changed, pageSocket, type ServiceChange } from './socket';
import { LIVE_MS, useShell } from './state';

const SHORTEST_PAUSE_MS = 1000;
const SHARE_OF_TIME = 4; // readings may take a quarter of the time
const RATES_OVER_MS = 10_000;
const KEPT = 100;
const SHOWN_SERVICES = 5;

export interface LiveState {
  state: 'off' | 'connecting' | 'live' | 'waiting';
  retryMs: number;
  perSecond: Record<string, number>;
  services: (ServiceChange & { atMs: number })[];
  /** Milliseconds from a change to the screen, of the last readings. */
  delays: number[];
}

const OFF: LiveState = { state: 'off', retryMs: 0, perSecond: {}, services: [], delays: [] };

/** The value that 95 of 100 do not exceed; null without any. */
export function p95(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.95) - 1)] ?? null;
}

/** Reads again what is shown, one reading at a time; what comes meanwhile makes one more. */
export class Refresher {
  private oldest: number | null = null;
  private busy = false;
  private timer = 0;

  constructor(
    private readonly read: () => Promise<void>,
    private readonly done: (delayMs: number) => void,
  ) {}

  /** Something changed, at most so many milliseconds ago. */
  changed(withinMs: number): void {
    const since = performance.now() - withinMs;
    this.oldest = Math.min(this.oldest ?? since, since);
    if (!this.busy) void this.run();
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.busy = true;
  }

  private async run(): Promise<void> {
    const [oldest, begun] = [this.oldest, performance.now()];
    if (oldest === null) return;
    this.oldest = null;
    this.busy = true;
    await this.read();
    const now = performance.now();
    this.done(now - oldest);
    this.timer = window.setTimeout(
      () => {
        this.busy = false;
        void this.run();
      },
      Math.max(SHORTEST_PAUSE_MS, SHARE_OF_TIME * (now - begun)),
    );
  }
}

export function useLive(): LiveState {
  const { tenant, refreshMs } = useShell();
  const client = useQueryClient();
  const [live, setLive] = useState(OFF);
  const on = refreshMs !== false;
  useEffect(() => {
    if (!on) {
      setLive(OFF);
      return;
    }
    return follow(client, tenant, (change) => setLive((before) => ({ ...before, ...change(before) })));
  }, [on, tenant, client]);
  return live;
}

type Update = (change: (before: LiveState) => Partial<LiveState>) => void;

/** Until it is told to end; after a loss of the connection, all is read again. */
function follow(client: QueryClient, tenant: string, update: Update): () => void {
  let arrived: { atMs: number; items: Record<string, number> }[] = [];
  const readings = new Map<string, Refresher>();
  const done = (delayMs: number) => update(({ delays }) => ({ delays: [...delays, delayMs].slice(-KEPT) }));
  // Each answer by itself: what is read quickly need not wait for what is slow.
  const readAll = (withinMs: number) => {
    const shown = client.getQueryCache().findAll({ type: 'active', predicate: isLiveQuery });
    const hashes = new Set(shown.map(({ queryHash }) => queryHash));
    for (const hash of readings.keys()) if (!hashes.has(hash)) readings.delete(hash);
    for (const { queryHash, queryKey } of shown) {
      const reading = readings.get(queryHash) ?? new Refresher(() => readAgain(client, queryKey), done);
      readings.set(queryHash, reading);
      reading.changed(withinMs);
    }
  };
  const changed = (frame: Changed) => {
    readAll(frame.within_ms);
    const nowMs = Date.now();
    arrived = [...arrived, { atMs: nowMs, items: frame.items }];
    const services = frame.services.map((service) => ({ ...service, atMs: nowMs }));
    update((before) => ({ services: [...services, ...before.services].slice(0, SHOWN_SERVICES) }));
  };
  const count = () => {
    arrived = arrived.filter(({ atMs }) => atMs > Date.now() - RATES_OVER_MS);
    update(() => ({ perSecond: ratesOf(arrived.map(({ items }) => items)) }));
  };
  const counting = window.setInterval(count, 2000);
  const end = pageSocket(tenant).listen({
    changed,
    state: (socket) => {
      const retryMs = socket.state === 'waiting' ? socket.retryMs : 0;
      update(({ perSecond }) => ({ state: socket.state, retryMs, perSecond: retryMs > 0 ? {} : perSecond }));
      if (socket.state === 'live' && socket.again) readAll(0);
    },
  });
  return () => {
    end();
    window.clearInterval(counting);
    for (const reading of readings.values()) reading.stop();
  };
}

function ratesOf(frames: Record<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const items of frames)
    for (const [signal, count] of Object.entries(items)) sums[signal] = (sums[signal] ?? 0) + count;
  return Object.fromEntries(Object.entries(sums).map(([signal, sum]) => [signal, sum / (RATES_OVER_MS / 1000)]));
}

/** What is read every ten seconds anyway. */
function isLiveQuery(query: Query): boolean {
  return query.observers.some(({ options }) => options.refetchInterval === LIVE_MS);
}

/** Resolves when the answer is on the screen. */
async function readAgain(client: QueryClient, queryKey: QueryKey): Promise<void> {
  await client.refetchQueries({ queryKey, exact: true, type: 'active' });
  if (document.visibilityState === 'visible') await new Promise((painted) => requestAnimationFrame(painted));
}
