import 'uplot/dist/uPlot.min.css';
import { Box, Group, Text, UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { formatTime } from '../lib/time';
import { formatCount } from '../lib/units';
import { useShell } from '../shell/state';
import { seriesColor } from '../theme';
import { ChartValues, chartSheet } from './ChartValues';
import { Export } from './Export';
import { picture } from './picture';
import {
  type Dot,
  dotAt,
  drawDots,
  drawLevels,
  drawMarks,
  type Level,
  type Line,
  type Mark,
  resolveColor,
  stack,
  summarise,
  tickTimes,
} from './plot';

export type { Dot, Level, Line, Mark } from './plot';

interface Props {
  /** Unix seconds, ascending. */
  times: number[];
  lines: Line[];
  /** What it shows, for those who do not see it. */
  label: string;
  /** `beside`: the largest of the axis, all of which is in one unit. */
  format?: (value: number, beside?: number) => string;
  height?: number;
  /** Bars stand on one another. */
  kind?: 'line' | 'bar' | 'area';
  /** The same for lines and areas. */
  stacked?: boolean;
  levels?: Level[];
  /** Moments such as deploys, as dashed uprights. */
  marks?: Mark[];
  /** Single measurements as diamonds; a click opens one. */
  dots?: Dot[];
  onDot?: (dot: Dot) => void;
  legend?: boolean;
}

const SHOWN_IN_LEGEND = 12;

/** A time series. A brush sets the page's time range; the same as a table on demand. */
export function Chart({
  times,
  lines,
  label,
  format = formatCount,
  height = 180,
  kind = 'line',
  stacked: stacks = false,
  levels,
  marks,
  dots,
  onDot,
  legend = true,
}: Props) {
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const { setRange, utc } = useShell();
  const dark = useComputedColorScheme('light') === 'dark';
  const [asTable, setAsTable] = useState(false);
  const [only, setOnly] = useState<number | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const colors = lines.map((line, place) => line.color ?? seriesColor(place, dark));
  const painted = colors.join();
  const brushed = useRef(setRange);
  brushed.current = setRange;
  const opened = useRef(onDot);
  opened.current = onDot;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `painted` stands for `colors`
  useEffect(() => {
    const element = host.current;
    if (!element || width < 40 || asTable || times.length === 0) return;
    const stacked = (kind === 'bar' || stacks) && only === null;
    const fill = kind === 'area' || stacked;
    const drawn = stacked ? stack(lines) : lines.map(({ values }) => values);
    // The highest bars first: those within them are painted over.
    const order = lines.map((_, place) => (stacked ? lines.length - 1 - place : place));
    const style = getComputedStyle(element);
    const [ink, grid] = [style.getPropertyValue('--quiet').trim(), style.getPropertyValue('--line').trim()];
    const axis = {
      stroke: resolveColor(element, ink),
      grid: { stroke: resolveColor(element, grid), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width,
      height,
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { size: 6 } },
      tzDate: utc ? (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') : undefined,
      axes: [
        { ...axis, values: (_, ticks, __, ___, stepS) => tickTimes(ticks, stepS, utc) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => format(tick, Math.max(...ticks))) },
      ],
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.08 : 1] } },
      series: [
        {},
        ...order.map((place) => ({
          label: lines[place]?.name,
          stroke: colors[place],
          width: kind === 'bar' ? 0 : 1.5,
          show: only === null || only === place,
          points: { show: kind !== 'bar' && times.length < 3 },
          ...(fill ? { fill: `${colors[place]}${stacked ? '66' : '2e'}` } : {}),
          ...(kind === 'bar' ? { fill: colors[place], paths: uPlot.paths.bars?.({ size: [0.9, 40] }) } : {}),
        })),
      ],
      bands: stacked && kind !== 'bar' ? order.slice(1).map((_, at) => ({ series: [at + 1, at + 2] })) : undefined,
      hooks: {
        setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
        setSelect: [
          (plot) => {
            if (plot.select.width < 4) return;
            const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((x) =>
              plot.posToVal(x, 'x'),
            );
            if (from === undefined || to === undefined) return;
            brushed.current({
              from: String(Math.round(from * 1000)),
              to: String(Math.round(Math.max(to, from + 1) * 1000)),
            });
          },
        ],
        draw: [
          (plot) => {
            drawLevels(element, plot, levels ?? []);
            drawMarks(plot, marks ?? [], axis.stroke);
            drawDots(plot, dots ?? [], resolveColor(element, 'var(--warn)'));
          },
        ],
        ready: [
          (plot) => {
            const under = () => dotAt(plot, dots ?? [], plot.cursor.left ?? -1, plot.cursor.top ?? -1);
            plot.over.addEventListener('click', () => {
              const dot = under();
              if (dot) opened.current?.(dot);
            });
            plot.over.addEventListener('mousemove', () => {
              const dot = under();
              plot.over.title = dot?.text ?? '';
              plot.over.style.cursor = dot ? 'pointer' : '';
            });
          },
        ],
      },
    };
    const plot = new uPlot(options, [times, ...order.map((place) => drawn[place])] as uPlot.AlignedData, element);
    return () => plot.destroy();
  }, [times, lines, width, height, kind, stacks, levels, dark, asTable, only, marks, dots, utc, painted, format]);

  const named = lines
    .map(({ name }, place) => ({ name, color: colors[place] ?? '' }))
    .filter((_, place) => only === null || only === place);
  const summary = useMemo(() => summarise(label, times, lines, format), [label, times, lines, format]);
  return (
    <Box component="figure" m={0} p="xs" style={{ minWidth: 0, overflow: 'hidden' }}>
      <div ref={ref} />
      {asTable ? (
        <ChartValues times={times} lines={lines} format={format} utc={utc} />
      ) : (
        <div ref={host} role="img" aria-label={summary} style={{ height }} />
      )}
      <Group justify="space-between" gap="xs" mt={4} align="flex-start" wrap="nowrap">
        <Group gap="sm" style={{ rowGap: 0 }}>
          {legend &&
            lines.slice(0, SHOWN_IN_LEGEND).map((line, place) => (
              <UnstyledButton
                // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat
                key={place}
                aria-pressed={only === place}
                onClick={() => setOnly(only === place ? null : place)}
                style={{ opacity: only === null || only === place ? 1 : 0.45, maxWidth: 'min(24rem, 60vw)' }}
              >
                <Group gap={4} wrap="nowrap">
                  <Box w={10} h={3} bg={colors[place]} style={{ flex: 'none' }} />
                  <Text size="xs" className="cut">
                    {line.name}
                  </Text>
                  {at !== null && (
                    <Text size="xs" className="number" fw={600}>
                      {line.values[at] === null || line.values[at] === undefined ? '–' : format(line.values[at])}
                    </Text>
                  )}
                </Group>
              </UnstyledButton>
            ))}
          {legend && lines.length > SHOWN_IN_LEGEND && (
            <Text size="xs" className="quiet">
              and {lines.length - SHOWN_IN_LEGEND} more
            </Text>
          )}
        </Group>
        <Group gap="sm" wrap="nowrap">
          <Text size="xs" className="quiet nowrap">
            {at !== null && times[at] !== undefined ? formatTime(times[at] * 1000, utc) : ''}
          </Text>
          <UnstyledButton
            onClick={() => setAsTable(!asTable)}
            aria-pressed={asTable}
            aria-label={`${label}: as a table`}
          >
            <Text size="xs" className="quiet" td="underline">
              {asTable ? 'chart' : 'table'}
            </Text>
          </UnstyledButton>
          <Export
            name={label}
            sheet={() => chartSheet(times, lines)}
            picture={asTable ? undefined : () => picture(host.current, { title: label, times, utc, lines: named })}
          />
        </Group>
      </Group>
    </Box>
  );
}
