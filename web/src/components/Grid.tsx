import { UnstyledButton } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { isValidElement, type ReactNode, useRef } from 'react';
import type { Cell, Sheet } from '../lib/files';
import { useShell } from '../shell/state';
import { Export } from './Export';
import { Scroll } from './Scroll';

export interface Column<T> {
  name: string;
  number?: boolean;
  width?: number;
  cell: (row: T) => ReactNode;
  /** What the column is sorted by; without it, it cannot be. */
  by?: (row: T) => string | number;
  /** What stands in an export; without it what it is sorted by, or the text of the cell. */
  value?: (row: T) => Cell;
}

interface Props<T> {
  rows: T[];
  columns: Column<T>[];
  rowKey: (row: T) => string;
  caption: string;
  sort?: { name: string; down: boolean };
  onSort?: (sort: { name: string; down: boolean }) => void;
  height?: string;
}

/** The rows in the order that was asked for; missing numbers come last. */
export function sortRows<T>(rows: T[], columns: Column<T>[], sort?: { name: string; down: boolean }): T[] {
  const by = columns.find(({ name }) => name === sort?.name)?.by;
  if (!by || !sort) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [by(left), by(right)];
    if (typeof a === 'string' || typeof b === 'string') return sign * String(a).localeCompare(String(b));
    return sign * ((Number.isFinite(a) ? a : -Infinity) - (Number.isFinite(b) ? b : -Infinity)) || 0;
  });
}

/** The text of a cell, whatever it is wrapped in. */
function textOf(node: ReactNode): string {
  if (typeof node === 'string' || typeof node === 'number') return String(node);
  if (Array.isArray(node)) return node.map(textOf).join('');
  return isValidElement<{ children?: ReactNode }>(node) ? textOf(node.props.children) : '';
}

/** All rows as they are sorted, with numbers that are not rounded where the column knows them. */
export function toSheet<T>(rows: T[], columns: Column<T>[]): Sheet {
  return {
    columns: columns.map(({ name }) => name),
    rows: rows.map((row) => columns.map(({ value, by, cell }) => (value ?? by)?.(row) ?? textOf(cell(row)))),
  };
}

/** A table of any length: only the rows in sight are in the document. */
export function Grid<T>({ rows, columns, rowKey, caption, sort, onSort, height = 'calc(100vh - 190px)' }: Props<T>) {
  const { dense } = useShell();
  const scroller = useRef<HTMLElement>(null);
  const sorted = sortRows(rows, columns, sort);
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (dense ? 26 : 34),
    overscan: 20,
    initialRect: { width: 1000, height: 800 },
  });
  const shown = virtual.getVirtualItems();
  const above = shown[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0);
  return (
    <div className="panel" style={{ minWidth: 0 }}>
      <Scroll ref={scroller} maxHeight={height} label={caption}>
        <table className="grid" aria-rowcount={sorted.length + 1}>
          <caption className="visually-hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ name, number, by, width }) => {
                const state = sort?.name === name ? (sort.down ? 'descending' : 'ascending') : undefined;
                return (
                  <th
                    key={name}
                    className={number ? 'number' : undefined}
                    aria-sort={state}
                    style={{ width }}
                    scope="col"
                  >
                    {by && onSort ? (
                      <UnstyledButton
                        onClick={() => onSort({ name, down: sort?.name === name ? !sort.down : Boolean(number) })}
                      >
                        {name}
                        <span aria-hidden> {state === 'descending' ? '↓' : state === 'ascending' ? '↑' : ''}</span>
                      </UnstyledButton>
                    ) : (
                      name
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {above > 0 && (
              <tr aria-hidden>
                <td colSpan={columns.length} style={{ height: above, padding: 0, border: 0 }} />
              </tr>
            )}
            {shown.map(({ index }) => {
              const row = sorted[index];
              if (row === undefined) return null;
              return (
                <tr key={rowKey(row)} aria-rowindex={index + 2}>
                  {columns.map(({ name, number, cell }) => (
                    <td key={name} className={number ? 'number' : undefined}>
                      {cell(row)}
                    </td>
                  ))}
                </tr>
              );
            })}
            {below > 0 && (
              <tr aria-hidden>
                <td colSpan={columns.length} style={{ height: below, padding: 0, border: 0 }} />
              </tr>
            )}
          </tbody>
        </table>
      </Scroll>
      <div style={{ display: 'flex', justifyContent: 'flex-end', padding: '2px 10px 4px' }}>
        <Export name={caption} sheet={() => toSheet(sorted, columns)} />
      </div>
    </div>
  );
}
