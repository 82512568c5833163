import type { Line } from './lines';

const SHOWN_FIELDS = 40;

export interface Field {
  name: string;
  values: [string, number][];
  lines: number;
}

/** Fields of the lines that are shown, those with few values first: they divide best. */
export function topFields(lines: readonly Line[]): Field[] {
  const counts = new Map<string, Map<string, number>>();
  for (const { labels } of lines) {
    for (const [name, value] of Object.entries(labels)) {
      const values = counts.get(name) ?? new Map<string, number>();
      values.set(value, (values.get(value) ?? 0) + 1);
      counts.set(name, values);
    }
  }
  return [...counts]
    .map(([name, values]) => ({
      name,
      values: [...values].sort((a, b) => b[1] - a[1]),
      lines: [...values.values()].reduce((sum, count) => sum + count, 0),
    }))
    .sort((a, b) => a.values.length - b.values.length || b.lines - a.lines)
    .slice(0, SHOWN_FIELDS);
}
