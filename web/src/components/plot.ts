/** What a chart puts on its canvas, and says of itself. */

import type uPlot from 'uplot';
import { formatTime } from '../lib/time';

export interface Line {
  name: string;
  values: (number | null)[];
  color?: string;
}

/** A value that is drawn as a line across. */
export interface Level {
  value: number;
  color: string;
}

export interface Mark {
  timeS: number;
  text: string;
}

/** A single measurement that leads somewhere, such as an exemplar. */
export interface Dot {
  timeS: number;
  value: number;
  text: string;
}

const REACH_PX = 9;

/** uPlot paints on a canvas, which knows no variables of CSS. */
export function resolveColor(element: HTMLElement, color: string): string {
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

export function drawMarks(plot: uPlot, marks: Mark[], color: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.setLineDash([4, 4]);
  ctx.font = `${10 * devicePixelRatio}px sans-serif`;
  let free = 0;
  for (const mark of [...marks].sort((a, b) => a.timeS - b.timeS)) {
    const x = Math.round(plot.valToPos(mark.timeS, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const text = mark.text.slice(0, 24);
    const width = ctx.measureText(text).width + 4;
    const left = x < bbox.left + bbox.width / 2; // on the side that has room
    if ((left ? x : x - width) < free) continue; // it would lie over the text before
    free = left ? x + width : x;
    ctx.textAlign = left ? 'left' : 'right';
    ctx.fillText(text, left ? x + 4 : x - 4, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}

export function drawLevels(element: HTMLElement, plot: uPlot, levels: Level[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([6, 4]);
  for (const level of levels) {
    const y = Math.round(plot.valToPos(level.value, 'y', true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = resolveColor(element, level.color);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

export function summarise(label: string, times: number[], lines: Line[], format: (value: number) => string): string {
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

/** Where a dot stands on the canvas; above or below the scale at its edge. */
function placeOf(plot: uPlot, dot: Dot): { x: number; y: number } {
  const { top, height } = plot.bbox;
  const y = plot.valToPos(dot.value, 'y', true);
  return { x: plot.valToPos(dot.timeS, 'x', true), y: Math.min(top + height - 4, Math.max(top + 4, y)) };
}

export function drawDots(plot: uPlot, dots: Dot[], color: string): void {
  const { ctx, bbox } = plot;
  const size = 4 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = color;
  for (const dot of dots) {
    const { x, y } = placeOf(plot, dot);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.fill();
  }
  ctx.restore();
}

/** The dot at a place of the plot, in its own pixels. */
export function dotAt(plot: uPlot, dots: Dot[], left: number, top: number): Dot | undefined {
  const [x, y] = [left * devicePixelRatio + plot.bbox.left, top * devicePixelRatio + plot.bbox.top];
  const reach = REACH_PX * devicePixelRatio;
  let nearest: Dot | undefined;
  let least = reach;
  for (const dot of dots) {
    const place = placeOf(plot, dot);
    const distance = Math.hypot(place.x - x, place.y - y);
    if (distance <= least) [nearest, least] = [dot, distance];
  }
  return nearest;
}

/** Each line on top of those before it. */
export function stack(lines: readonly Line[]): (number | null)[][] {
  const sums: number[] = [];
  return lines.map(({ values }) =>
    values.map((value, place) => {
      const sum = (sums[place] ?? 0) + (value ?? 0);
      sums[place] = sum;
      return sum || null;
    }),
  );
}
