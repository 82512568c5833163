import { Box, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useMemo } from 'react';
import { Chart } from '../../components/Chart';
import { type Column, Grid } from '../../components/Grid';
import { Scroll } from '../../components/Scroll';
import { Sparkline } from '../../components/Sparkline';
import { type Bin, levelOf, reduced, rowsOf, type Series, type SqlAnswer } from './answers';
import type { PanelSpec } from './model';
import { useBoard } from './times';
import { formatOf } from './units';

export const LEVELS = {
  good: { color: 'var(--good)', sign: '●', text: 'good' },
  warn: { color: 'var(--warn)', sign: '▲', text: 'warning' },
  bad: { color: 'var(--bad)', sign: '◆', text: 'bad' },
} as const;

interface Props {
  panel: PanelSpec;
  series: Series[];
  label: string;
}

/** A value with its level as a colour, a shape and a word. */
function Value({ panel, value, size }: { panel: PanelSpec; value: number | null; size?: string }) {
  const level = levelOf(value, panel.thresholds);
  const mark = level && LEVELS[level];
  return (
    <span className="nowrap" style={{ color: mark?.color, fontSize: size, fontVariantNumeric: 'tabular-nums' }}>
      {formatOf(panel.unit)(value)}
      {mark && (
        <span role="img" aria-label={mark.text} style={{ fontSize: '0.6em', marginLeft: 6, verticalAlign: 'middle' }}>
          {mark.sign}
        </span>
      )}
    </span>
  );
}

const KEPT_FOR_LEGEND = { one: 40, more: 62 };

export function TimeSeries({ panel, series, label, times, height }: Props & { times: number[]; height: number }) {
  const { marks } = useBoard();
  const levels = useMemo(
    () => panel.thresholds.map(({ value, level }) => ({ value, color: LEVELS[level].color })),
    [panel.thresholds],
  );
  const legend = series.length > 3 ? KEPT_FOR_LEGEND.more : KEPT_FOR_LEGEND.one;
  return (
    <Chart
      times={times}
      lines={series}
      label={label}
      format={formatOf(panel.unit)}
      kind={panel.draw === 'bars' ? 'bar' : panel.draw}
      stacked={panel.stacked}
      levels={levels}
      height={Math.max(60, height - legend)}
      marks={marks}
    />
  );
}

export function Stats({ panel, series }: Props) {
  const { ref, width, height } = useElementSize();
  const columns = Math.min(series.length, Math.max(1, Math.floor(width / 150)));
  const rows = Math.ceil(series.length / columns);
  const large = height / rows > 84;
  return (
    <Box
      ref={ref}
      h="100%"
      style={{
        display: 'grid',
        gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
        alignContent: 'center',
        gap: 8,
      }}
    >
      {series.map((each, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat
        <Box key={place} ta="center" style={{ minWidth: 0 }}>
          <Text fw={600} component="div" lh={1.2}>
            <Value panel={panel} value={reduced(each.values, panel.reduce)} size={large ? '1.9rem' : '1.25rem'} />
          </Text>
          {series.length > 1 && (
            <Text size="xs" className="quiet cut" title={each.name}>
              {each.name}
            </Text>
          )}
          {large && (
            <Box style={{ display: 'flex', justifyContent: 'center' }} mt={4}>
              <Sparkline
                values={each.values}
                label={`Course of ${each.name}`}
                width={Math.max(60, Math.min(220, width / columns - 24))}
                height={28}
              />
            </Box>
          )}
        </Box>
      ))}
    </Box>
  );
}

export function Bars({ panel, series, label }: Props) {
  const rows = series
    .map((each) => ({ name: each.name, value: reduced(each.values, panel.reduce) }))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const most = Math.max(...rows.map(({ value }) => Math.abs(value ?? 0)), 1e-300);
  return (
    <Scroll label={label} maxHeight="100%">
      <ul style={{ listStyle: 'none', margin: 0, padding: '4px 8px' }}>
        {rows.slice(0, panel.limit).map(({ name, value }) => {
          const level = levelOf(value, panel.thresholds);
          return (
            <li
              key={name}
              style={{
                display: 'grid',
                gridTemplateColumns: 'minmax(0, 2fr) 3fr auto',
                gap: 8,
                alignItems: 'center',
                padding: '2px 0',
              }}
            >
              <Text size="xs" className="cut" title={name}>
                {name}
              </Text>
              <div
                aria-hidden
                style={{
                  height: 12,
                  borderRadius: 2,
                  width: `${(100 * Math.abs(value ?? 0)) / most}%`,
                  minWidth: 1,
                  background: level ? LEVELS[level].color : 'var(--accent)',
                }}
              />
              <Text size="xs" component="div" ta="right">
                <Value panel={panel} value={value} />
              </Text>
            </li>
          );
        })}
      </ul>
    </Scroll>
  );
}

type Cell = string | number | null;
type Row = { key: string; cells: Cell[] };

function show(panel: PanelSpec, cell: Cell | undefined, isValue: boolean) {
  if (cell === null || cell === undefined) return '–';
  if (typeof cell === 'number') return isValue ? <Value panel={panel} value={cell} /> : String(cell);
  return cell;
}

function Cells({
  panel,
  label,
  columns,
  rows,
}: {
  panel: PanelSpec;
  label: string;
  columns: string[];
  rows: Cell[][];
}) {
  const numbers = columns.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  const kept: Row[] = rows.slice(0, panel.limit).map((cells, key) => ({ key: String(key), cells }));
  const shown: Column<Row>[] = columns.map((name, at) => ({
    name: columns.indexOf(name) === at ? name : `${name} ${at + 1}`,
    number: numbers[at],
    cell: ({ cells }) => show(panel, cells[at], at === columns.length - 1),
  }));
  return <Grid caption={label} rows={kept} columns={shown} rowKey={({ key }) => key} height="100%" />;
}

export function SeriesTable({ panel, series, label }: Props) {
  const { columns, rows } = rowsOf(series, panel.reduce);
  return <Cells panel={panel} label={label} columns={columns} rows={rows} />;
}

export function SqlTable({ panel, answer, label }: { panel: PanelSpec; answer: SqlAnswer; label: string }) {
  const rows = answer.rows.map((row) =>
    row.map(
      (cell): Cell =>
        cell === null || typeof cell === 'number' || typeof cell === 'string' ? cell : JSON.stringify(cell),
    ),
  );
  return <Cells panel={panel} label={label} columns={answer.columns.map(({ name }) => name)} rows={rows} />;
}

export function Histogram({ panel, bins, label }: { panel: PanelSpec; bins: Bin[]; label: string }) {
  const format = formatOf(panel.unit);
  const most = Math.max(...bins.map(({ count }) => count), 1e-300);
  const bound = (value: number) => (Number.isFinite(value) ? format(value) : '∞');
  const told = bins
    .filter(({ count }) => count > 0)
    .map(({ from, to, count }) => `${bound(from)} to ${bound(to)}: ${formatOf('')(count)}`);
  return (
    <Box h="100%" p="xs" style={{ display: 'flex', flexDirection: 'column' }}>
      <svg
        role="img"
        aria-label={`${label}. ${told.slice(0, 12).join('; ')}`}
        viewBox={`0 0 ${bins.length} 100`}
        preserveAspectRatio="none"
        width="100%"
        style={{ flex: 1, minHeight: 0, borderBottom: '1px solid var(--line)' }}
      >
        {bins.map(({ from, to, count }, at) => (
          <rect
            key={from}
            x={at + 0.05}
            width={0.9}
            y={100 - (100 * count) / most}
            height={(100 * count) / most}
            fill="var(--accent)"
          >
            <title>{`${bound(from)} to ${bound(to)}: ${formatOf('')(count)}`}</title>
          </rect>
        ))}
      </svg>
      <Box style={{ display: 'flex', justifyContent: 'space-between' }} aria-hidden>
        <Text size="xs" className="quiet">
          {bound(bins[0]?.from ?? 0)}
        </Text>
        <Text size="xs" className="quiet">
          {bound(bins[Math.floor(bins.length / 2)]?.from ?? 0)}
        </Text>
        <Text size="xs" className="quiet">
          {bound(bins.at(-1)?.to ?? 0)}
        </Text>
      </Box>
    </Box>
  );
}
