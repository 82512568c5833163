/** Answers of all languages as series on one grid of times, or as a table. */

import type { Grid, Matrix } from '../../lib/matrix';
import { seriesName } from '../../lib/matrix';
import type { PanelQuery, PanelSpec } from './model';

export interface Series {
  name: string;
  labels: Record<string, string>;
  values: (number | null)[];
}

export interface SqlAnswer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
}

interface TempoSeries {
  series: {
    labels: { key: string; value: Record<string, unknown> }[];
    samples: { timestampMs: string; value: number }[];
  }[];
}

const MOST_SERIES = 500;
const TIME = /^(Nullable\()?Date/;
const NUMBER = /^(Nullable\()?(U?Int|Float|Decimal)/;

export function timesOf(grid: Grid): number[] {
  const length = Math.max(1, Math.floor((grid.end - grid.start) / grid.step) + 1);
  return Array.from({ length }, (_, place) => grid.start + place * grid.step);
}

/** `{{label}}` in a legend is the label's value; without a legend, the labels. */
export function nameOf(labels: Record<string, string>, legend: string): string {
  if (!legend) return seriesName(labels);
  return legend.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, label) => labels[label] ?? '') || seriesName(labels);
}

export function seriesOf(answer: unknown, query: PanelQuery, grid: Grid): Series[] {
  if (query.language === 'sql') return sqlSeries(answer as SqlAnswer, query.legend, grid);
  const rows =
    query.language === 'traceql'
      ? (answer as TempoSeries).series.map(({ labels, samples }) => ({
          labels: Object.fromEntries(
            labels.map(({ key, value }) => [key === '__bucket' ? 'le' : key, String(Object.values(value)[0] ?? '')]),
          ),
          points: samples.map(({ timestampMs, value }): [number, unknown] => [Number(timestampMs) / 1000, value]),
        }))
      : matrixRows(answer as Matrix);
  return rows.slice(0, MOST_SERIES).map(({ labels, points }) => ({
    name: nameOf(labels, query.legend),
    labels,
    values: onGrid(points, grid),
  }));
}

function matrixRows(matrix: Matrix): { labels: Record<string, string>; points: [number, unknown][] }[] {
  const { resultType, result } = matrix.data;
  if (resultType === 'scalar') {
    const [time, value] = result as unknown as [number, string];
    return [{ labels: {}, points: [[time, value]] }];
  }
  if (resultType !== 'matrix' && resultType !== 'vector') return [];
  return result.map(({ metric, values, value }) => ({ labels: metric, points: values ?? (value ? [value] : []) }));
}

function onGrid(points: [number, unknown][], grid: Grid): (number | null)[] {
  const filled: (number | null)[] = new Array(timesOf(grid).length).fill(null);
  for (const [time, given] of points) {
    const place = Math.round((time - grid.start) / grid.step);
    const value = Number(given);
    if (place >= 0 && place < filled.length && given !== null && Number.isFinite(value)) filled[place] = value;
  }
  return filled;
}

/** A column of times first: series by the texts of a row, one of each column of numbers. Without: one value a row. */
function sqlSeries(answer: SqlAnswer, legend: string, grid: Grid): Series[] {
  const time = answer.columns.findIndex(({ type }) => TIME.test(type));
  const numbers = answer.columns.flatMap(({ type }, at) => (NUMBER.test(type) ? [at] : []));
  const texts = answer.columns.flatMap((_, at) => (at !== time && !numbers.includes(at) ? [at] : []));
  const found = new Map<string, { labels: Record<string, string>; points: [number, unknown][] }>();
  for (const [number, row] of answer.rows.entries()) {
    const labels = Object.fromEntries(texts.map((at) => [answer.columns[at]?.name ?? '', String(row[at])]));
    for (const at of numbers) {
      const column = answer.columns[at]?.name ?? '';
      const own = numbers.length > 1 || texts.length === 0 ? { ...labels, __name__: column } : labels;
      const key = JSON.stringify([own, time < 0 ? number : '']);
      const series = found.get(key) ?? { labels: own, points: [] };
      found.set(key, series);
      series.points.push([time < 0 ? grid.end : Date.parse(String(row[time])) / 1000, row[at]]);
    }
  }
  return [...found.values()].slice(0, MOST_SERIES).map(({ labels, points }) => ({
    name: nameOf(labels, legend),
    labels,
    values: onGrid(points, grid),
  }));
}

/** The one value of a series. */
export function reduced(values: readonly (number | null)[], how: PanelSpec['reduce']): number | null {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return null;
  if (how === 'last') return known.at(-1) ?? null;
  if (how === 'min') return Math.min(...known);
  if (how === 'max') return Math.max(...known);
  const sum = known.reduce((total, value) => total + value, 0);
  return how === 'sum' ? sum : sum / known.length;
}

/** The level that a value has reached. */
export function levelOf(value: number | null, thresholds: PanelSpec['thresholds']): 'good' | 'warn' | 'bad' | null {
  const reached = thresholds.filter((step) => value !== null && value >= step.value);
  return reached.sort((a, b) => a.value - b.value).at(-1)?.level ?? null;
}

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** How often which value occurs; series with `le` are buckets already. */
export function binsOf(series: readonly Series[], bins = 24): Bin[] {
  if (series.length > 0 && series.every(({ labels }) => labels.le !== undefined)) {
    const last = bucketsOf(series).map(({ le, values }) => ({ le, count: reduced(values, 'sum') ?? 0 }));
    return last.map(({ le, count }, at) => ({ from: last[at - 1]?.le ?? 0, to: le, count }));
  }
  const values = series.flatMap((each) => each.values.filter((value): value is number => value !== null));
  if (values.length === 0) return [];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const width = (high - low || 1) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const at = Math.min(bins - 1, Math.floor((value - low) / width));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts.map((count, at) => ({ from: low + at * width, to: low + (at + 1) * width, count }));
}

/** Buckets by their bounds, each without what lies in those below it. */
export function bucketsOf(series: readonly Series[]): { le: number; values: (number | null)[] }[] {
  const bound = (text: string | undefined) => (text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text));
  const sorted = series.map(({ labels, values }) => ({ le: bound(labels.le), values })).sort((a, b) => a.le - b.le);
  return sorted.map(({ le, values }, at) => ({
    le,
    values: values.map((value, place) =>
      value === null ? null : Math.max(0, value - (sorted[at - 1]?.values[place] ?? 0)),
    ),
  }));
}

/** Labels and one value of each series, for a table. */
export function rowsOf(
  series: readonly Series[],
  how: PanelSpec['reduce'],
): { columns: string[]; rows: (string | number | null)[][] } {
  const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))].filter((name) => name !== '__name__');
  const named = series.some(({ labels }) => labels.__name__) ? ['__name__', ...names] : names;
  return {
    columns: [...named.map((name) => (name === '__name__' ? 'metric' : name)), 'value'],
    rows: series.map(({ labels, values }) => [...named.map((name) => labels[name] ?? ''), reduced(values, how)]),
  };
}
