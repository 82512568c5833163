import { useEffect, useRef, useState } from 'react';
import { withQuery } from '../../api/ahead';
import { ApiError, openSocket } from '../../api/client';
import { show } from '../../components/Attributes';
import { useShell } from '../../shell/state';
import type { Line } from './lines';

const KEPT = 2000;
const LONGEST_WAIT_MS = 15_000;
const LEVELS = ['', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'];

interface Sent {
  type: 'started' | 'logs' | 'error';
  message?: string;
  dropped?: number;
  logs?: {
    time_ns: number;
    body: unknown;
    severity: number;
    service: string;
    trace_id: string | null;
    span_id: string | null;
    attributes: Record<string, unknown>;
  }[];
}

/** Lines as they arrive, newest first, at most 2000 of them; a lost connection is made again, with longer and longer waits. */
export function useTail(q: string): { lines: Line[]; note: string; error: ApiError | null } {
  const { tenant, paused } = useShell();
  const [lines, setLines] = useState<Line[]>([]);
  const [state, setState] = useState<{ note: string; error: ApiError | null }>({ note: 'Connecting…', error: null });
  const count = useRef(0);
  const held = useRef(paused);
  held.current = paused;
  useEffect(() => {
    let socket: WebSocket | null = null;
    let timer = 0;
    let ended = false;
    let tries = 0;
    setLines([]);
    const connect = () => {
      socket = openSocket(withQuery('/api/v1/stream', { signal: 'logs', query: q }), tenant);
      socket.onmessage = (event) => {
        const sent = JSON.parse(String(event.data)) as Sent;
        tries = 0;
        if (sent.type === 'error')
          setState({ note: '', error: new ApiError(0, { type: 'tail', message: sent.message ?? 'The tail ended' }) });
        else if (!held.current) {
          const dropped = sent.dropped
            ? `${sent.dropped} lines were too many and left out`
            : 'Live: lines are shown as they arrive';
          setState({ note: dropped, error: null });
          if (sent.logs) {
            const arrived = sent.logs.map((row) => toLine(row, ++count.current)).reverse();
            setLines((before) => [...arrived, ...before].slice(0, KEPT));
          }
        }
      };
      socket.onclose = () => {
        if (ended) return;
        tries += 1;
        const wait = Math.min(1000 * 2 ** tries, LONGEST_WAIT_MS);
        setState((before) => ({ ...before, note: `Connection lost or refused; trying again in ${wait / 1000} s` }));
        timer = window.setTimeout(connect, wait);
      };
    };
    connect();
    return () => {
      ended = true;
      window.clearTimeout(timer);
      socket?.close();
    };
  }, [q, tenant]);
  return { lines, ...state };
}

function toLine(row: NonNullable<Sent['logs']>[number], place: number): Line {
  const labels: Record<string, string> = {
    service_name: row.service,
    detected_level: LEVELS[Math.ceil(row.severity / 4)] ?? '',
  };
  if (row.trace_id) labels.trace_id = row.trace_id;
  if (row.span_id) labels.span_id = row.span_id;
  for (const [name, value] of Object.entries(row.attributes)) labels[name] = show(value);
  return { key: String(place), timeMs: row.time_ns / 1e6, timeNs: String(row.time_ns), text: show(row.body), labels };
}
