import { useMemo } from 'react';
import { apiRange } from '../api/ahead';
import { useShell } from '../shell/state';
import { spanOf, stepFor } from './time';

/** The shell's range as Traceo's API takes it: `start` and `end`. */
export function useApiRange(): { start: string; end: string } {
  const { range } = useShell();
  return useMemo(() => apiRange(range), [range]);
}

/** The same as numbers for Prometheus' and Loki's APIs: unix seconds on whole steps, so that live charts do not jump. */
export function useGrid(points = 120): { start: number; end: number; step: number } {
  const { range, turn } = useShell();
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again means up to now
  return useMemo(() => {
    const span = spanOf(range);
    const step = stepFor(span, points);
    return {
      start: Math.floor(span.startMs / 1000 / step) * step,
      end: Math.floor(span.endMs / 1000 / step) * step,
      step,
    };
  }, [range, turn, points]);
}
