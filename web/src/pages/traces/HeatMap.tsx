import { Box, Text, UnstyledButton } from '@mantine/core';
import { useMemo, useState } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Export } from '../../components/Export';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import type { Sheet } from '../../lib/files';
import { formatClock, type Range } from '../../lib/time';
import { conditionsOf, withoutDurations } from '../../lib/traceql';
import { formatCount, formatNs } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

type Cells = Answer<'/api/v1/analysis/heatmap'>;

const HEIGHT = 130;
const LEFT = 62;
const SERVICE = /resource\.service\.name\s*=\s*"((?:[^"\\]|\\.)*)"/;
const SERVICE_ONLY = /^\{\s*(?:resource\.service\.name\s*=\s*"(?:[^"\\]|\\.)*")?\s*\}$/;

/** Goes on with a query, and with a time range where that is new. */
export type Narrow = (q: string, range?: Range) => void;

/** How many spans took how long, over time; drawn over, it narrows time and duration. Of one service or of all. */
export function HeatMap({ q, narrow }: { q: string; narrow: Narrow }) {
  const range = useApiRange();
  const service = SERVICE.exec(q)?.[1] ?? '';
  const cells = useApi('/api/v1/analysis/heatmap', {
    query: { ...range, service, columns: 120, per_double: 2, examples: false },
  });
  return (
    <Panel
      right={cells.data && <Export name="durations over time" sheet={() => sheetOf(cells.data)} />}
      title={`Durations of ${service ? `spans of ${service}` : 'all spans'}${SERVICE_ONLY.test(q) ? '' : ' (without the other conditions)'}`}
    >
      <Loaded of={cells} lines={4}>
        {(data) => <Drawing data={data} q={q} narrow={narrow} />}
      </Loaded>
    </Panel>
  );
}

/** A row for each cell, empty ones left out. */
function sheetOf({ cells, levels, start_ns, step_ns }: Cells): Sheet {
  const bounds = new Map(levels.map(({ level, from_ns, to_ns }) => [level, [from_ns, to_ns] as const]));
  return {
    columns: ['time', 'from_ns', 'to_ns', 'spans', 'errors'],
    rows: cells.map(({ column, level, count, errors }) => [
      new Date((start_ns + column * step_ns) / 1e6).toISOString(),
      ...(bounds.get(level) ?? [null, null]),
      count,
      errors,
    ]),
  };
}

function Drawing({ data, q, narrow }: { data: Cells; q: string; narrow: Narrow }) {
  const { utc } = useShell();
  const [drag, setDrag] = useState<{ x0: number; y0: number; x1: number; y1: number } | null>(null);
  const [told, setTold] = useState('');
  const levels = useMemo(() => data.levels.map(({ level }) => level), [data]);
  if (data.cells.length === 0)
    return (
      <Text size="sm" className="quiet" p="sm">
        No spans in this time range
      </Text>
    );
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const rows = high - low + 1;
  const most = Math.max(...data.cells.map(({ count }) => count));
  const fromOf = new Map(data.levels.map(({ level, from_ns, to_ns }) => [level, [from_ns, to_ns] as const]));
  const point = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return {
      x: Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)),
      y: Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)),
    };
  };
  const levelAt = (y: number) => high - Math.min(rows - 1, Math.floor(y * rows));
  const choose = () => {
    if (!drag) return;
    setDrag(null);
    if (Math.abs(drag.x1 - drag.x0) < 0.01 && Math.abs(drag.y1 - drag.y0) < 0.05) return;
    const length = data.columns * data.step_ns;
    const times = [drag.x0, drag.x1].sort((a, b) => a - b).map((x) => Math.round((data.start_ns + x * length) / 1e6));
    const [top, bottom] = [Math.min(drag.y0, drag.y1), Math.max(drag.y0, drag.y1)];
    const longer = fromOf.get(levelAt(bottom))?.[0] ?? 0;
    const shorter = fromOf.get(levelAt(top))?.[1] ?? Number.MAX_SAFE_INTEGER;
    const chosen = { from: String(times[0]), to: String(Math.max(times[1] ?? 0, (times[0] ?? 0) + 1000)) };
    const conditions = conditionsOf(q);
    const durations = [`duration >= ${Math.floor(longer / 1000)}us`, `duration < ${Math.ceil(shorter / 1000)}us`];
    if (conditions === null) narrow(q, chosen);
    else narrow(`{ ${[withoutDurations(conditions), ...durations].filter(Boolean).join(' && ')} }`, chosen);
  };
  return (
    <Box p="xs">
      <Box style={{ display: 'flex' }}>
        <Box w={LEFT} pos="relative" h={HEIGHT} aria-hidden>
          {[0, 0.5, 1].map((place) => (
            <Text key={place} size="xs" className="quiet number" pos="absolute" right={6} top={place * (HEIGHT - 14)}>
              {formatNs(fromOf.get(levelAt(place))?.[0] ?? null)}
            </Text>
          ))}
        </Box>
        <svg
          viewBox={`0 0 ${data.columns} ${rows}`}
          preserveAspectRatio="none"
          width="100%"
          height={HEIGHT}
          role="img"
          aria-label={`Heat map: ${formatCount(data.cells.reduce((sum, { count }) => sum + count, 0))} spans, from ${formatNs(fromOf.get(low)?.[0])} to ${formatNs(fromOf.get(high)?.[1])}`}
          style={{ cursor: 'crosshair', touchAction: 'none', background: 'var(--ground)' }}
          onPointerDown={(event) => {
            const { x, y } = point(event);
            event.currentTarget.setPointerCapture(event.pointerId);
            setDrag({ x0: x, y0: y, x1: x, y1: y });
          }}
          onPointerMove={(event) => {
            const { x, y } = point(event);
            if (drag) setDrag({ ...drag, x1: x, y1: y });
            const column = Math.min(data.columns - 1, Math.floor(x * data.columns));
            const level = levelAt(y);
            const cell = data.cells.find((each) => each.column === column && each.level === level);
            const [from, to] = fromOf.get(level) ?? [];
            setTold(
              `${formatClock((data.start_ns + column * data.step_ns) / 1e6, utc, 0)} · ${formatNs(from)} to ${formatNs(to)} · ${formatCount(cell?.count ?? 0)} spans${cell?.errors ? `, ${formatCount(cell.errors)} failed` : ''}`,
            );
          }}
          onPointerUp={choose}
        >
          {data.cells.map(({ column, level, count, errors }) => (
            <rect
              key={`${column} ${level}`}
              x={column}
              y={high - level}
              width={1.03}
              height={1.03}
              fill={errors ? 'var(--bad)' : 'var(--accent)'}
              opacity={0.18 + 0.82 * (Math.log1p(count) / Math.log1p(most))}
            />
          ))}
          {drag && (
            <rect
              x={Math.min(drag.x0, drag.x1) * data.columns}
              y={Math.min(drag.y0, drag.y1) * rows}
              width={Math.abs(drag.x1 - drag.x0) * data.columns}
              height={Math.abs(drag.y1 - drag.y0) * rows}
              fill="currentColor"
              opacity={0.2}
            />
          )}
        </svg>
      </Box>
      <Box style={{ display: 'flex', justifyContent: 'space-between' }} mt={4}>
        <Text size="xs" className="quiet">
          {told || 'Drag over slow ones to see only those.'}
        </Text>
        <UnstyledButton onClick={() => narrow('{ status = error }')}>
          <Text size="xs" className="quiet">
            <span style={{ color: 'var(--accent)' }}>■</span> spans <span style={{ color: 'var(--bad)' }}>■</span> with
            errors
          </Text>
        </UnstyledButton>
      </Box>
    </Box>
  );
}
