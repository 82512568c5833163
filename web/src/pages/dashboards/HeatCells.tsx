import { Box, Text } from '@mantine/core';
import { useState } from 'react';
import { formatTime } from '../../lib/time';
import { formatCount } from '../../lib/units';
import { useShell } from '../../shell/state';
import { bucketsOf, type Series } from './answers';
import type { PanelSpec } from './model';
import { formatOf } from './units';

const LEFT_PX = 70;
const MOST_ROWS = 60;

/** Buckets, or one series a row, over time; the darker the more. */
export function HeatCells({
  panel,
  series,
  times,
  label,
}: {
  panel: PanelSpec;
  series: Series[];
  times: number[];
  label: string;
}) {
  const { utc } = useShell();
  const [told, setTold] = useState('');
  const format = formatOf(panel.unit);
  const isBuckets = series.every(({ labels }) => labels.le !== undefined);
  const rows = (
    isBuckets
      ? bucketsOf(series).map(({ le, values }) => ({ name: Number.isFinite(le) ? `≤ ${format(le)}` : 'more', values }))
      : series
  )
    .slice(0, MOST_ROWS)
    .reverse();
  const most = rows.reduce(
    (top, { values }) => values.reduce<number>((high, value) => Math.max(high, value ?? 0), top),
    0,
  );
  const named = new Set([0, Math.floor((rows.length - 1) / 2), rows.length - 1]);
  const tell = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.min(times.length - 1, Math.floor(((event.clientX - box.left) / box.width) * times.length));
    const row = rows[Math.min(rows.length - 1, Math.floor(((event.clientY - box.top) / box.height) * rows.length))];
    const value = isBuckets ? formatCount(row?.values[column]) : format(row?.values[column]);
    setTold(`${formatTime((times[column] ?? 0) * 1000, utc)} · ${row?.name}: ${value}`);
  };
  return (
    <Box h="100%" p="xs" style={{ display: 'flex', flexDirection: 'column' }}>
      <Box style={{ display: 'flex', flex: 1, minHeight: 0 }}>
        <Box
          w={LEFT_PX}
          style={{ flex: 'none', display: 'flex', flexDirection: 'column', justifyContent: 'space-between' }}
          aria-hidden
        >
          {rows.map(({ name }, at) =>
            named.has(at) ? (
              <Text key={name} size="xs" className="quiet cut" ta="right" pr={6}>
                {name}
              </Text>
            ) : null,
          )}
        </Box>
        <svg
          role="img"
          aria-label={`${label}: ${rows.length} rows, the highest value is ${isBuckets ? formatCount(most) : format(most)}`}
          viewBox={`0 0 ${times.length} ${rows.length}`}
          preserveAspectRatio="none"
          width="100%"
          height="100%"
          style={{ background: 'var(--ground)' }}
          onPointerMove={tell}
        >
          {rows.flatMap(({ name, values }, row) =>
            values.map(
              (value, column) =>
                value !== null &&
                value > 0 && (
                  <rect
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
                    key={`${name} ${column}`}
                    x={column}
                    y={row}
                    width={1.03}
                    height={1.03}
                    fill="var(--accent)"
                    opacity={0.12 + (0.88 * Math.log1p(value)) / Math.log1p(most)}
                  />
                ),
            ),
          )}
        </svg>
      </Box>
      <Text size="xs" className="quiet cut" h={18}>
        {told}
      </Text>
    </Box>
  );
}
