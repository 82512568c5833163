import { screen, within } from '@testing-library/react';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { show } from '../test-render';
import { type Column, Grid, sortRows, toSheet } from './Grid';

interface Row {
  name: string;
  p99: number;
}

const ROWS: Row[] = [
  { name: 'cart', p99: 12.3456 },
  { name: 'payment', p99: 2300 },
  { name: 'mail', p99: Number.NaN },
];
const COLUMNS: Column<Row>[] = [
  { name: 'Service', cell: ({ name }) => <b>{name}</b>, by: ({ name }) => name },
  { name: 'p99', number: true, cell: ({ p99 }) => `${Math.round(p99)} ms`, by: ({ p99 }) => p99 },
  { name: 'About', cell: ({ name }) => <span>of {name}</span> },
];

function Sorted({ rows = ROWS }: { rows?: Row[] }) {
  const [sort, setSort] = useState<{ name: string; down: boolean }>();
  return (
    <Grid caption="Services" rows={rows} columns={COLUMNS} rowKey={({ name }) => name} sort={sort} onSort={setSort} />
  );
}

const names = () =>
  screen
    .getAllByRole('row')
    .slice(1)
    .map((row) => within(row).getAllByRole('cell')[0]?.textContent);

test('a click on a heading sorts: texts upwards, numbers downwards, missing ones last', async () => {
  const { user } = await show(<Sorted />);
  expect(screen.getByRole('table', { name: 'Services' })).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'p99' }));
  expect(names()).toEqual(['payment', 'cart', 'mail']);
  expect(screen.getByRole('columnheader', { name: /p99/ }).getAttribute('aria-sort')).toBe('descending');
  await user.click(screen.getByRole('button', { name: 'Service' }));
  expect(names()).toEqual(['cart', 'mail', 'payment']);
  expect(screen.queryByRole('button', { name: 'About' })).toBeNull();
});

test('of ten thousand rows only those in sight are in the document', async () => {
  const many = Array.from({ length: 10_000 }, (_, place) => ({ name: `service ${place}`, p99: place }));
  await show(<Sorted rows={many} />);
  expect(screen.getByRole('table').getAttribute('aria-rowcount')).toBe('10001');
  expect(screen.getAllByRole('row').length).toBeLessThan(200);
});

test('an export has all rows, texts out of elements, and numbers that are not rounded', () => {
  expect(toSheet(ROWS.slice(0, 1), COLUMNS)).toEqual({
    columns: ['Service', 'p99', 'About'],
    rows: [['cart', 12.3456, 'of cart']],
  });
});

test('an unknown column leaves the order as it is', () => {
  expect(sortRows(ROWS, COLUMNS, { name: 'none', down: true })).toBe(ROWS);
});

test('the menu of exports is reached by keyboard', async () => {
  const { user } = await show(<Sorted />);
  screen.getByRole('button', { name: 'Export Services' }).focus();
  await user.keyboard('{Enter}');
  expect((await screen.findAllByRole('menuitem')).map(({ textContent }) => textContent)).toEqual(['CSV', 'JSON']);
});
