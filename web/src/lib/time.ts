/** Times: ranges as texts of the URL ("-1h", "now", unix milliseconds), and how moments and durations are shown. */

export interface Range {
  from: string;
  to: string;
}

const UNITS_MS: Record<string, number> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const RELATIVE = /^-(\d+)([smhdw])$/;

export const DEFAULT_RANGE: Range = { from: '-1h', to: 'now' };
export const PRESETS = ['-5m', '-15m', '-30m', '-1h', '-3h', '-6h', '-12h', '-1d', '-2d', '-7d', '-30d'];

/** Unix milliseconds, or null for a text that is no time. */
export function resolve(text: string, nowMs = Date.now()): number | null {
  if (text === 'now') return nowMs;
  const found = RELATIVE.exec(text);
  if (found) return nowMs - Number(found[1]) * (UNITS_MS[found[2] ?? 's'] ?? 0);
  if (/^\d{10,14}$/.test(text)) return Number(text);
  return null;
}

/** A range whose ends are times in the right order; otherwise the last hour. */
export function readRange(from: unknown, to: unknown): Range {
  const given = { from: String(from ?? DEFAULT_RANGE.from), to: String(to ?? DEFAULT_RANGE.to) };
  const [start, end] = [resolve(given.from), resolve(given.to)];
  return start !== null && end !== null && start < end ? given : DEFAULT_RANGE;
}

export function isLive(range: Range): boolean {
  return range.to === 'now';
}

export interface Span {
  startMs: number;
  endMs: number;
}

export function spanOf(range: Range, nowMs = Date.now()): Span {
  return { startMs: resolve(range.from, nowMs) ?? nowMs - 3_600_000, endMs: resolve(range.to, nowMs) ?? nowMs };
}

/** As Traceo's API takes it: unix seconds with a fraction, or relative. */
export function apiTime(text: string): string {
  const ms = /^\d/.test(text) ? Number(text) : null;
  return ms === null ? text : (ms / 1000).toFixed(3);
}

const WORDS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };

/** "Last 15 minutes", or both ends. */
export function describeRange(range: Range, utc: boolean): string {
  const found = RELATIVE.exec(range.from);
  if (found && range.to === 'now') {
    const count = Number(found[1]);
    const word = WORDS[found[2] ?? 's'];
    return count === 1 ? `Last ${word}` : `Last ${count} ${word}s`;
  }
  const { startMs, endMs } = spanOf(range);
  return `${formatTime(startMs, utc)} – ${formatTime(endMs, utc)}`;
}

function parts(ms: number, utc: boolean): string {
  const date = new Date(utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);
  return Number.isFinite(date.getTime()) ? date.toISOString() : 'no time';
}

/** "2026-11-26 14:03:07", local or UTC. */
export function formatTime(ms: number, utc: boolean): string {
  return parts(ms, utc).slice(0, 19).replace('T', ' ');
}

/** "14:03:07.123". */
export function formatClock(ms: number, utc: boolean, digits = 3): string {
  return parts(ms, utc).slice(11, digits ? 20 + digits : 19);
}

/** What a step of a chart should be, in seconds, for so many points. */
export function stepFor(span: Span, points = 120): number {
  const raw = (span.endMs - span.startMs) / 1000 / points;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
  return steps.find((step) => step >= raw) ?? 604_800;
}
