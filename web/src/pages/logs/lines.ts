/** Lines out of Loki's streams. */

import type { Sheet } from '../../lib/files';

export interface Streams {
  data: {
    stats?: { summary: { execTime: number } };
    resultType: string;
    result: { stream: Record<string, string>; values: [string, string][] }[];
  };
}

export interface Line {
  key: string;
  timeMs: number;
  timeNs: string;
  text: string;
  labels: Record<string, string>;
}

/** Newest first. */
export function toLines(answer: Streams): Line[] {
  if (answer.data.resultType !== 'streams') return [];
  const lines = answer.data.result.flatMap(({ stream, values }, group) =>
    values.map(([timeNs, text], place) => ({
      key: `${timeNs} ${group} ${place}`,
      timeMs: Number(timeNs.slice(0, -6)),
      timeNs,
      text,
      labels: stream,
    })),
  );
  return lines.sort(
    (a, b) => (a.timeNs.length - b.timeNs.length || (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0)) * -1,
  );
}

export function levelOf(labels: Record<string, string>): string {
  return (labels.detected_level ?? labels.level ?? labels.severity_text ?? '').toLowerCase();
}

export const LEVEL_COLORS: Record<string, string> = {
  critical: 'var(--bad)',
  fatal: 'var(--bad)',
  error: 'var(--bad)',
  warn: 'var(--warn)',
  warning: 'var(--warn)',
  info: 'var(--good)',
};

/** Labels that choose a stream; any other is a field behind a `|`. */
const STREAM = new Set([
  'service_name',
  'service_namespace',
  'service_instance_id',
  'deployment_environment',
  'deployment_environment_name',
  'k8s_namespace_name',
  'k8s_pod_name',
  'host_name',
  'job',
  'namespace',
  'instance',
]);

export function isStreamLabel(name: string): boolean {
  return STREAM.has(name);
}

/** The fields of a line that is JSON. */
export function parsedFields(text: string): Record<string, unknown> {
  if (!text.startsWith('{')) return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A line with its fields as one object; a line that is JSON is that object. */
export function recordOf(line: Line): Record<string, unknown> {
  const fields = parsedFields(line.text);
  const body = Object.keys(fields).length > 0 ? fields : line.text;
  return { time: new Date(line.timeMs).toISOString(), line: body, fields: line.labels };
}

/** All lines for a file: time, level, service, line, and every field that one has. */
export function sheetOf(lines: readonly Line[]): Sheet {
  const names = [...new Set(lines.flatMap(({ labels }) => Object.keys(labels)))].sort();
  return {
    columns: ['time', 'time_ns', 'line', ...names],
    rows: lines.map(({ timeMs, timeNs, text, labels }) => [
      new Date(timeMs).toISOString(),
      timeNs,
      text,
      ...names.map((name) => labels[name] ?? null),
    ]),
  };
}
