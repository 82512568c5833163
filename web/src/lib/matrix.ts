/** Results of Prometheus' and Loki's range queries as lines over one grid of times. */

import type { Line } from '../components/Chart';

export interface Matrix {
  data: {
    resultType: string;
    result: { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] }[];
    stats?: { timings: { execTotalTime: number }; samples: { totalQueryableSamples: number } };
  };
  warnings?: string[];
  infos?: string[];
}

export interface Grid {
  start: number;
  end: number;
  step: number;
}

const MOST_LINES = 200;

/** A name and labels, as PromQL writes a series. */
export function seriesName(metric: Record<string, string>): string {
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  if (pairs.length === 0) return name || 'value';
  return `${name}{${pairs.join(', ')}}`;
}

export function toLines(
  matrix: Matrix,
  grid: Grid,
  name = seriesName,
): { times: number[]; lines: Line[]; left: number } {
  const length = Math.max(1, Math.floor((grid.end - grid.start) / grid.step) + 1);
  const times = Array.from({ length }, (_, place) => grid.start + place * grid.step);
  const found = matrix.data.resultType === 'matrix' ? matrix.data.result : [];
  const lines = found.slice(0, MOST_LINES).map(({ metric, values = [] }) => {
    const filled: (number | null)[] = new Array(length).fill(null);
    for (const [time, text] of values) {
      const place = Math.round((time - grid.start) / grid.step);
      const value = Number(text === '+Inf' ? 'Infinity' : text === '-Inf' ? '-Infinity' : text);
      if (place >= 0 && place < length && Number.isFinite(value)) filled[place] = value;
    }
    return { name: name(metric), values: filled };
  });
  return { times, lines, left: Math.max(0, found.length - MOST_LINES) };
}
