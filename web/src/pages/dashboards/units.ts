/** Units of panels: how their numbers are shown. */

import { formatBytes, formatCount, formatMs, formatRate, formatShare } from '../../lib/units';

type Format = (value: number | null | undefined) => string;

const times = (factor: number) => (value: number | null | undefined) =>
  value === null || value === undefined ? value : value * factor;
const suffixed =
  (format: Format, suffix: string): Format =>
  (value) => {
    const shown = format(value);
    return shown === '–' ? shown : `${shown}${suffix}`;
  };
const bits: Format = (value) => {
  const shown = formatCount(value);
  return shown === '–' ? shown : /\d$/.test(shown) ? `${shown}\u202fb` : `${shown}b`;
};

export const UNITS: Record<string, { label: string; format: Format }> = {
  '': { label: 'Number', format: formatCount },
  per_s: { label: 'Per second', format: formatRate },
  ratio: { label: 'Share, 0 to 1', format: formatShare },
  percent: { label: 'Percent, 0 to 100', format: (value) => formatShare(times(0.01)(value)) },
  bytes: { label: 'Bytes', format: formatBytes },
  bytes_per_s: { label: 'Bytes per second', format: suffixed(formatBytes, '/s') },
  bits: { label: 'Bits', format: bits },
  bits_per_s: { label: 'Bits per second', format: suffixed(bits, '/s') },
  seconds: { label: 'Seconds', format: (value) => formatMs(times(1000)(value)) },
  milliseconds: { label: 'Milliseconds', format: formatMs },
  microseconds: { label: 'Microseconds', format: (value) => formatMs(times(1e-3)(value)) },
  nanoseconds: { label: 'Nanoseconds', format: (value) => formatMs(times(1e-6)(value)) },
};

const others = new Map<string, Format>();

/** The same function each time: charts are drawn again when it changes. */
export function formatOf(unit: string): Format {
  const known = UNITS[unit]?.format ?? others.get(unit);
  if (known) return known;
  const made = suffixed(formatCount, `\u202f${unit}`);
  others.set(unit, made);
  return made;
}
