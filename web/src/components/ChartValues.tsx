import { Table } from '@mantine/core';
import type { Sheet } from '../lib/files';
import { formatTime } from '../lib/time';
import type { Line } from './plot';
import { Scroll } from './Scroll';

const SHOWN_COLUMNS = 12;
const SHOWN_ROWS = 200;

interface Props {
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  utc: boolean;
}

/** All that the chart was given: a row for each time. */
export function chartSheet(times: number[], lines: Line[]): Sheet {
  return {
    columns: ['time', ...lines.map(({ name }) => name)],
    rows: times.map((time, place) => [
      new Date(time * 1000).toISOString(),
      ...lines.map(({ values: of }) => of[place] ?? null),
    ]),
  };
}

/** A chart's numbers, newest first. */
export function ChartValues({ times, lines, format, utc }: Props) {
  const rows = times
    .slice(-SHOWN_ROWS)
    .map((time, place) => ({ time, place: Math.max(0, times.length - SHOWN_ROWS) + place }));
  return (
    <Scroll label="Values" maxHeight={260}>
      <Table className="grid">
        <thead>
          <tr>
            <th>Time</th>
            {lines.slice(0, SHOWN_COLUMNS).map((line) => (
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
              {lines.slice(0, SHOWN_COLUMNS).map((line) => {
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
