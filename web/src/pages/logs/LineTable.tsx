import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { type Column, Grid } from '../../components/Grid';
import { formatClock } from '../../lib/time';
import { useShell } from '../../shell/state';
import { topFields } from './fieldCounts';
import { LEVEL_COLORS, type Line, levelOf } from './lines';

const MOST_COLUMNS = 4;
const FIXED = new Set(['service_name', 'detected_level', 'span_id', 'trace_id', 'severity_number', 'severity_text']);

/** Fields of several values that most lines have: worth a column. */
export function columnsOf(lines: readonly Line[]): string[] {
  return topFields(lines)
    .filter(({ name, values, lines: count }) => !FIXED.has(name) && values.length > 1 && count * 2 >= lines.length)
    .slice(0, MOST_COLUMNS)
    .map(({ name }) => name);
}

/** The lines as a table, with the fields that tell them apart. */
export function LineTable({ lines }: { lines: Line[] }) {
  const { utc } = useShell();
  const [sort, setSort] = useState<{ name: string; down: boolean }>();
  const columns = useMemo(() => makeColumns(columnsOf(lines), utc), [lines, utc]);
  return (
    <Grid
      caption="Log lines"
      rows={lines}
      columns={columns}
      rowKey={({ key }) => key}
      sort={sort}
      onSort={setSort}
      height="max(320px, calc(100vh - 400px))"
    />
  );
}

function makeColumns(fields: string[], utc: boolean): Column<Line>[] {
  return [
    {
      name: 'Time',
      cell: ({ timeMs }) => <span className="quiet mono">{formatClock(timeMs, utc)}</span>,
      by: ({ timeMs }) => timeMs,
      value: ({ timeMs }) => new Date(timeMs).toISOString(),
    },
    {
      name: 'Level',
      cell: ({ labels }) => <b style={{ color: LEVEL_COLORS[levelOf(labels)] }}>{levelOf(labels) || '–'}</b>,
      by: ({ labels }) => levelOf(labels),
    },
    {
      name: 'Service',
      cell: ({ labels }) => (
        <div className="cut" style={{ maxWidth: 150 }} title={labels.service_name}>
          {labels.service_name ?? '–'}
        </div>
      ),
      by: ({ labels }) => labels.service_name ?? '',
    },
    {
      name: 'Line',
      cell: ({ text }) => (
        <div className="cut mono" style={{ maxWidth: '34rem' }} title={text.slice(0, 2000)}>
          {text.slice(0, 2000)}
        </div>
      ),
      value: ({ text }) => text,
    },
    ...fields.map(
      (name): Column<Line> => ({
        name,
        cell: ({ labels }) => labels[name] ?? '–',
        by: ({ labels }) => labels[name] ?? '',
      }),
    ),
    {
      name: 'Trace',
      cell: ({ labels: { trace_id: traceId, span_id: span } }) =>
        traceId && (
          <Link className="link mono" to="/traces/$traceId" params={{ traceId }} search={{ span }}>
            {traceId.slice(0, 8)}
          </Link>
        ),
      value: ({ labels }) => labels.trace_id ?? null,
    },
  ];
}
