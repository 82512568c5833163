import { createContext, useContext, useEffect, useMemo, useState } from 'react';
import type { Grid } from '../../lib/matrix';
import { spanOf, stepFor } from '../../lib/time';
import { useShell } from '../../shell/state';
import type { Times, Values } from './variables';

/** What all panels of a dashboard share: the moments that they ask for, the variables' values, the marks of its annotations. */
export interface Board {
  times: Times;
  grid: Grid;
  values: Values;
  marks: { timeS: number; text: string }[];
}

const POINTS = 160;

/** The shell's range as numbers, for all panels at once; it goes on while the page is live. */
export function useTimes(): { times: Times; grid: Grid } {
  const { range, turn, refreshMs } = useShell();
  const [tick, setTick] = useState(0);
  useEffect(() => {
    if (!refreshMs) return;
    const timer = window.setInterval(() => setTick((before) => before + 1), refreshMs);
    return () => window.clearInterval(timer);
  }, [refreshMs]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again means up to now
  const { startMs, endMs, step } = useMemo(() => {
    const span = spanOf(range);
    const found = stepFor(span, POINTS);
    // On whole steps, so that charts do not jump and two panels with one query ask once.
    const whole = (ms: number) => Math.floor(ms / 1000 / found) * found * 1000;
    return { startMs: whole(span.startMs), endMs: whole(span.endMs), step: found };
  }, [range, turn, tick]);
  return useMemo(
    () => ({ times: { startMs, endMs, step }, grid: { start: startMs / 1000, end: endMs / 1000, step } }),
    [startMs, endMs, step],
  );
}

const Context = createContext<Board | null>(null);
export const BoardProvider = Context.Provider;

export function useBoard(): Board {
  const board = useContext(Context);
  if (!board) throw new Error('useBoard needs a BoardProvider around it');
  return board;
}
