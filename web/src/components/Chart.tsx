import 'uplot/dist/uPlot.min.css';
import { Box, Group, Table, Text, UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { formatTime } from '../lib/time';
import { formatCount } from '../lib/units';
import { useShell } from '../shell/state';
import { seriesColor } from '../theme';
import { Scroll } from './Scroll';

export interface Line {
  name: string;
  values: (number | null)[];
  color?: string;
}

export interface Mark {
  timeS: number;
  text: string;
}

interface Props {
  /** Unix seconds, ascending. */
  times: number[];
  lines: Line[];
  /** What it shows, for those who do not see it. */
  label: string;
  format?: (value: number) => string;
  height?: number;
  kind?: 'line' | 'bar';
  /** Moments such as deploys, as dashed uprights. */
  marks?: Mark[];
  legend?: boolean;
}

const SHOWN_IN_LEGEND = 12;
const SHOWN_IN_TABLE = 200;

/** A time series. A brush sets the page's time range; the same as a table on demand. */
export function Chart({
  times,
  lines,
  label,
  format = formatCount,
  height = 180,
  kind = 'line',
  marks,
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

  // biome-ignore lint/correctness/useExhaustiveDependencies: `painted` stands for `colors`
  useEffect(() => {
    const element = host.current;
    if (!element || width < 40 || asTable || times.length === 0) return;
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
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => format(tick)) },
      ],
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.08 : 1] } },
      series: [
        {},
        ...lines.map((line, place) => ({
          label: line.name,
          stroke: colors[place],
          width: 1.5,
          show: only === null || only === place,
          points: { show: times.length < 3 },
          ...(kind === 'bar' ? { fill: `${colors[place]}88`, paths: uPlot.paths.bars?.({ size: [0.9, 40] }) } : {}),
        })),
      ],
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
        draw: [(plot) => drawMarks(plot, marks ?? [], axis.stroke)],
      },
    };
    const plot = new uPlot(options, [times, ...lines.map((line) => line.values)] as uPlot.AlignedData, element);
    return () => plot.destroy();
  }, [times, lines, width, height, kind, dark, asTable, only, marks, utc, painted, format]);

  const summary = useMemo(() => summarise(label, times, lines, format), [label, times, lines, format]);
  return (
    <Box component="figure" m={0} p="xs" ref={ref} style={{ minWidth: 0, overflow: 'hidden' }}>
      {asTable ? (
        <Values times={times} lines={lines} format={format} utc={utc} />
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
        </Group>
      </Group>
    </Box>
  );
}

/** uPlot paints on a canvas, which knows no variables of CSS. */
function resolveColor(element: HTMLElement, color: string): string {
  const probe = document.createElement('span');
  probe.style.color = color;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** "14:05", with the day where it begins, or the days alone. */
export function tickTimes(ticks: readonly number[], stepS: number, utc: boolean): string[] {
  let day = '';
  return ticks.map((tick) => {
    const [date = '', clock = ''] = formatTime(tick * 1000, utc).split(' ');
    const isNew = date !== day;
    day = date;
    if (stepS >= 86_400) return date.slice(5);
    const shown = stepS < 60 ? clock : clock.slice(0, 5);
    return isNew ? `${shown}\n${date.slice(5)}` : shown;
  });
}

function drawMarks(plot: uPlot, marks: Mark[], color: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.setLineDash([4, 4]);
  ctx.font = `${10 * devicePixelRatio}px sans-serif`;
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark.timeS, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(mark.text.slice(0, 24), x + 4, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}

function summarise(label: string, times: number[], lines: Line[], format: (value: number) => string): string {
  if (times.length === 0 || lines.length === 0) return `${label}: no data`;
  const told = lines.slice(0, 5).map((line) => {
    const known = line.values.filter((value): value is number => value !== null);
    const last = known.at(-1);
    return last === undefined
      ? `${line.name}: none`
      : `${line.name}: last ${format(last)}, highest ${format(Math.max(...known))}`;
  });
  return `${label}. ${told.join('; ')}`;
}

function Values({
  times,
  lines,
  format,
  utc,
}: {
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  utc: boolean;
}) {
  const rows = times
    .slice(-SHOWN_IN_TABLE)
    .map((time, place) => ({ time, place: Math.max(0, times.length - SHOWN_IN_TABLE) + place }));
  return (
    <Scroll label="Values" maxHeight={260}>
      <Table className="grid">
        <thead>
          <tr>
            <th>Time</th>
            {lines.slice(0, SHOWN_IN_LEGEND).map((line) => (
              <th key={line.name} className="number">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.reverse().map(({ time, place }) => (
            <tr key={time}>
              <td className="nowrap">{formatTime(time * 1000, utc)}</td>
              {lines.slice(0, SHOWN_IN_LEGEND).map((line) => {
                const value = line.values[place];
                return (
                  <td key={line.name} className="number">
                    {value === null || value === undefined ? '–' : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </Table>
    </Scroll>
  );
}
