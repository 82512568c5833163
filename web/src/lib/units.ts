/** Numbers for people: three significant digits and a unit. */

const NBSP = '\u202f';

function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function scaled(value: number, base: number, names: string[]): string {
  let [left, place] = [value, 0];
  while (Math.abs(left) >= base * 0.9995 && place < names.length - 1) {
    left /= base;
    place += 1;
  }
  return `${significant(left)}${names[place] ? NBSP + names[place] : ''}`;
}

/** 12 345 -> "12.3 k". */
export function formatCount(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(1);
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
}

/** `beside`: the largest of the numbers that it stands with, which are all in one unit. */
export function formatRate(perSecond: number | null | undefined, beside = perSecond): string {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) return '–';
  if (beside && beside > 0 && beside < 0.1) return `${significant(perSecond * 60)}${NBSP}/min`;
  return `${formatCount(perSecond)}${NBSP}/s`;
}

export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  if (share > 0 && share < 0.0001) return `<0.01${NBSP}%`;
  return `${significant(share * 100)}${NBSP}%`;
}

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return '–';
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
}

/** Milliseconds -> "340 µs", "12.3 ms", "1.2 s", "2 min 5 s". */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  const size = Math.abs(ms);
  if (size === 0) return `0${NBSP}ms`;
  if (size < 0.001) return `${significant(ms * 1e6)}${NBSP}ns`;
  if (size < 0.9995) return `${significant(ms * 1000)}${NBSP}µs`;
  if (size < 999.5) return `${significant(ms)}${NBSP}ms`;
  if (size < 59_950) return `${significant(ms / 1000)}${NBSP}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}${NBSP}min ${Math.round((ms % 60_000) / 1000)}${NBSP}s`;
  return `${Math.floor(minutes / 60)}${NBSP}h ${minutes % 60}${NBSP}min`;
}

export function formatNs(ns: number | null | undefined): string {
  return formatMs(ns === null || ns === undefined ? ns : ns / 1e6);
}

/** "1 trace", "2 traces". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
