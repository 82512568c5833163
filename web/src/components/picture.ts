/** A chart as a picture that speaks for itself: title, time range, canvas, legend. */

import { formatTime } from '../lib/time';
import { resolveColor } from './plot';

export interface Drawn {
  title: string;
  times: readonly number[];
  utc: boolean;
  /** What the legend names. */
  lines: readonly { name: string; color: string }[];
}

const EDGE = 12;
const ROW = 18;
const SWATCH = 16;
const GAP = 14;
const MOST_NAMED = 100;
const TITLE_ROWS = 3;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

type Measure = (text: string) => number;

/** The text in rows that fit; what is left of a text that is too long ends in "…". */
export function breakText(text: string, room: number, most: number, measure: Measure): string[] {
  const rows: string[] = [];
  let rest = text.trim();
  while (rest && rows.length < most) {
    const last = rows.length === most - 1;
    if (measure(rest) <= room) return [...rows, rest];
    let length = rest.length;
    while (length > 1 && measure(last ? `${rest.slice(0, length)}…` : rest.slice(0, length)) > room) length -= 1;
    const space = last ? -1 : rest.lastIndexOf(' ', length);
    const row = rest.slice(0, space > 0 ? space : length);
    rows.push(last ? `${row}…` : row);
    rest = rest.slice(row.length).trim();
  }
  return rows;
}

/** Where entries of these widths stand, one beside the other as long as there is room. */
export function placeEntries(widths: readonly number[], room: number): { left: number; row: number }[] {
  let [left, row] = [0, 0];
  return widths.map((width) => {
    if (left > 0 && left + width > room) [left, row] = [0, row + 1];
    const place = { left, row };
    left += width + GAP;
    return place;
  });
}

/** The canvas within, with what it shows, as a PNG; null without a canvas. */
export function picture(host: HTMLElement | null, { title, times, utc, lines }: Drawn): Promise<Blob | null> {
  const chart = host?.querySelector('canvas');
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (!host || !chart || !context) return Promise.resolve(null);
  const scale = chart.width / chart.clientWidth || 1;
  const room = chart.clientWidth;
  const setFont = (font: string) => {
    context.font = `${font} ${FONT}`;
  };
  const measure: Measure = (text) => context.measureText(text).width;

  setFont('600 14px');
  const head = breakText(title, room, TITLE_ROWS, measure);
  setFont('12px');
  const named = lines.slice(0, MOST_NAMED);
  const more = lines.length > named.length ? [`and ${lines.length - named.length} more`] : [];
  const names = [...named.map(({ name }) => breakText(name, room - SWATCH, 1, measure)[0] ?? ''), ...more];
  const places = placeEntries(
    names.map((name) => SWATCH + measure(name)),
    room,
  );
  const below = (head.length + 1) * ROW + EDGE;
  const legendRows = (places.at(-1)?.row ?? -1) + 1;
  canvas.width = Math.round((room + 2 * EDGE) * scale);
  canvas.height = Math.round((below + chart.clientHeight + legendRows * ROW + 2 * EDGE) * scale);
  context.scale(scale, scale);
  const [ground, ink, quiet] = ['--panel', '--ink', '--quiet'].map((name) => resolveColor(host, `var(${name})`));

  context.fillStyle = ground ?? '';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = 'middle';
  const write = (text: string, left: number, row: number, top: number) =>
    context.fillText(text, EDGE + left, top + (row + 0.5) * ROW);
  setFont('600 14px');
  context.fillStyle = ink ?? '';
  head.forEach((text, row) => {
    write(text, 0, row, EDGE);
  });
  setFont('12px');
  context.fillStyle = quiet ?? '';
  write(describeTimes(times, utc), 0, head.length, EDGE);
  context.drawImage(chart, EDGE, below, chart.clientWidth, chart.clientHeight);
  places.forEach(({ left, row }, place) => {
    const top = below + chart.clientHeight + EDGE / 2;
    const color = named[place]?.color;
    context.fillStyle = color ?? '';
    if (color) context.fillRect(EDGE + left, top + (row + 0.5) * ROW - 1.5, 10, 3);
    context.fillStyle = ink ?? '';
    write(names[place] ?? '', left + (color ? SWATCH : 0), row, top);
  });
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** "2026-11-26 14:00:00 – 2026-11-26 15:00:00 UTC". */
export function describeTimes(times: readonly number[], utc: boolean): string {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return '';
  const zone = utc ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${formatTime(first * 1000, utc)} – ${formatTime(last * 1000, utc)} ${zone}`;
}
