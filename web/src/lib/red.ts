import { useMemo } from 'react';
import { type Answer, useApi } from '../api/client';
import { useApiRange } from './useRange';

export type RedOverTime = Answer<'/api/v1/red'>['series'][number];

interface Asked {
  service?: string | readonly string[];
  operation?: string;
  points?: number;
  durations?: boolean;
  limit?: number;
  enabled?: boolean;
}

/** Requests, errors and durations over time; `times` are unix seconds. The step that is not over yet is left out. */
export function useRed({ service, operation, points = 60, durations = true, limit, enabled }: Asked) {
  const range = useApiRange();
  const query = { ...range, service, operation, points, durations, limit };
  const answer = useApi('/api/v1/red', { query }, { enabled });
  const { data } = answer;
  const shaped = useMemo(() => {
    if (!data) return null;
    const length = data.series[0]?.requests.length ?? 0;
    const times = Array.from({ length }, (_, place) => data.start + place * data.step_s);
    return { times, stepS: data.step_s, series: data.series };
  }, [data]);
  return { answer, red: shaped };
}

export function rates(of: RedOverTime, stepS: number): number[] {
  return of.requests.map((requests) => requests / stepS);
}

export function errorShares(of: RedOverTime): (number | null)[] {
  return of.errors.map((errors, place) => {
    const requests = of.requests[place] ?? 0;
    return requests ? errors / requests : null;
  });
}
