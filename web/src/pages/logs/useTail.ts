import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/client';
import { show } from '../../components/Attributes';
import { formatCount } from '../../lib/units';
import { type LogRecord, pageSocket } from '../../shell/socket';
import { useShell } from '../../shell/state';
import { Cursor } from './cursor';
import type { Line } from './lines';

const KEPT = 2000;
const LOOKS_BACK_MS = 15 * 60_000; // the server, for a tail that goes on
const AGAIN_MS = 5000;
const LEVELS = ['', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'];

interface TailState {
  lines: Line[];
  note: string;
  error: ApiError | null;
  dropped: number;
}

const BEGINNING: TailState = { lines: [], note: 'Connecting…', error: null, dropped: 0 };

/** Lines as they arrive, newest first, at most 2000 of them. Paused or disconnected, it goes on where it was. */
export function useTail(q: string): Omit<TailState, 'dropped'> {
  const { tenant, paused } = useShell();
  const [state, setState] = useState(BEGINNING);
  const [turn, setTurn] = useState(0);
  const known = useRef({ of: '', cursor: new Cursor(), count: 0, lostMs: 0 });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn tries again what was refused for now
  useEffect(() => {
    const of = JSON.stringify([tenant, q]);
    if (known.current.of !== of) {
      known.current = { of, cursor: new Cursor(), count: 0, lostMs: 0 };
      setState(BEGINNING);
    }
    const here = known.current;
    const lost = (note: string) => {
      here.lostMs ||= Date.now();
      setState((before) => ({ ...before, note }));
    };
    if (paused) {
      lost('Paused: what arrives meanwhile is shown when you go on');
      return;
    }
    let timer = 0;
    const end = pageSocket(tenant).tail({
      start: () => ({ query: q, ...here.cursor.next() }),
      lost: (retryMs) => lost(`Connection lost or refused; trying again within ${Math.ceil(retryMs / 1000)} s`),
      heard: (frame) => {
        if (frame.type === 'refused') {
          setState((before) => ({ ...before, note: '', error: new ApiError(frame.status, frame.error) }));
          if (frame.status === 429 || frame.status >= 500)
            timer = window.setTimeout(() => setTurn((before) => before + 1), AGAIN_MS);
        } else if (frame.type === 'tailing') {
          here.cursor.began(frame.since);
          const long = here.lostMs > 0 && Date.now() - here.lostMs > LOOKS_BACK_MS;
          here.lostMs = 0;
          const note = long ? 'Live again: of what arrived meanwhile, the last 15 minutes' : '';
          setState((before) => ({ ...before, note, error: null }));
        } else {
          here.cursor.saw(frame.ids);
          const arrived = frame.logs.map((row) => toLine(row, ++here.count)).reverse();
          setState((before) => ({
            ...before,
            lines: [...arrived, ...before.lines].slice(0, KEPT),
            dropped: before.dropped + frame.dropped,
          }));
        }
      },
    });
    return () => {
      window.clearTimeout(timer);
      end();
    };
  }, [q, tenant, paused, turn]);
  const { lines, dropped, note, error } = state;
  const left = dropped > 0 ? `Live: ${formatCount(dropped)} lines were too many and are left out` : '';
  return { lines, error, note: note || left || 'Live: lines are shown as they arrive' };
}

function toLine(row: LogRecord, place: number): Line {
  const labels: Record<string, string> = {
    service_name: row.service,
    detected_level: LEVELS[Math.ceil(row.severity / 4)] ?? '',
  };
  if (row.trace_id) labels.trace_id = row.trace_id;
  if (row.span_id) labels.span_id = row.span_id;
  for (const [name, value] of Object.entries(row.attributes)) labels[name] = show(value);
  return { key: String(place), timeMs: row.time_ns / 1e6, timeNs: String(row.time_ns), text: show(row.body), labels };
}
