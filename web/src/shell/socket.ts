/** The one WebSocket of a page: what changes, and any tails; made again after a loss, with longer and longer waits. */

import { openSocket, type Problem } from '../api/client';

const LONGEST_WAIT_MS = 30_000;

export interface ServiceChange {
  service: string;
  before: string;
  health: string;
}

export interface Changed {
  type: 'changed';
  items: Record<string, number>;
  services: ServiceChange[];
  within_ms: number;
}

export interface LogRecord {
  time_ns: number;
  body: unknown;
  severity: number;
  service: string;
  trace_id: string | null;
  span_id: string | null;
  attributes: Record<string, unknown>;
}

export type TailFrame =
  | { type: 'tailing'; id: string; since: number }
  | { type: 'logs'; id: string; logs: LogRecord[]; ids: string[]; dropped: number }
  | { type: 'refused'; id: string; status: number; error: Problem };

type Frame = { type: 'started' } | Changed | TailFrame;

/** `again`: it was lost meanwhile. */
export type SocketState =
  | { state: 'connecting' }
  | { state: 'live'; again: boolean }
  | { state: 'waiting'; retryMs: number };

export interface Listener {
  state: (state: SocketState) => void;
  changed: (frame: Changed) => void;
}

export interface Tail {
  /** What is asked for, whenever the connection is new. */
  start: () => { query: string; since?: number; seen?: string[] };
  heard: (frame: TailFrame) => void;
  lost: (retryMs: number) => void;
}

const sockets = new Map<string, PageSocket>();

/** The tenant's; it is open while somebody listens. */
export function pageSocket(tenant: string): PageSocket {
  const found = sockets.get(tenant) ?? new PageSocket(tenant);
  sockets.set(tenant, found);
  return found;
}

class PageSocket {
  private readonly listeners = new Set<Listener>();
  private readonly tails = new Map<string, Tail>();
  private state: SocketState = { state: 'connecting' };
  private socket: WebSocket | null = null;
  private timer = 0;
  private tries = 0;
  private named = 0;

  constructor(private readonly tenant: string) {}

  /** Returns what ends it. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    listener.state(this.state);
    this.settle();
    return () => {
      this.listeners.delete(listener);
      queueMicrotask(() => this.settle()); // what follows at once takes the same connection
    };
  }

  /** Returns what ends it. */
  tail(tail: Tail): () => void {
    this.named += 1;
    const id = String(this.named);
    this.tails.set(id, tail);
    if (this.state.state === 'live') this.say({ type: 'tail', id, ...tail.start() });
    if (this.state.state === 'waiting') tail.lost(this.state.retryMs);
    this.settle();
    return () => {
      this.tails.delete(id);
      if (this.state.state === 'live') this.say({ type: 'stop', id });
      queueMicrotask(() => this.settle());
    };
  }

  private settle(): void {
    const wanted = this.listeners.size + this.tails.size > 0;
    if (wanted === (this.socket !== null)) return;
    if (wanted) {
      this.open();
      return;
    }
    window.clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    this.tries = 0;
    this.state = { state: 'connecting' };
    socket?.close();
  }

  private open(): void {
    const socket = openSocket('/api/v1/live', this.tenant);
    this.socket = socket;
    socket.onmessage = (event) => {
      if (socket === this.socket) this.hear(JSON.parse(String(event.data)) as Frame);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.wait();
    };
  }

  private wait(): void {
    this.tries += 1;
    const retryMs = Math.min(1000 * 2 ** this.tries, LONGEST_WAIT_MS) * (0.75 + Math.random() / 4);
    this.become({ state: 'waiting', retryMs });
    for (const tail of this.tails.values()) tail.lost(retryMs);
    this.timer = window.setTimeout(() => this.open(), retryMs);
  }

  private hear(frame: Frame): void {
    if (frame.type === 'changed') for (const listener of this.listeners) listener.changed(frame);
    else if (frame.type !== 'started') this.tails.get(frame.id)?.heard(frame);
    else {
      this.become({ state: 'live', again: this.tries > 0 });
      this.tries = 0;
      for (const [id, tail] of this.tails) this.say({ type: 'tail', id, ...tail.start() });
    }
  }

  private become(state: SocketState): void {
    this.state = state;
    for (const listener of this.listeners) listener.state(state);
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }
}
