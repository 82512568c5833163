import { useMemo, useState } from 'react';
import { type Column, Grid } from '../../components/Grid';
import { type Row, type Sums, statistics } from '../../lib/trace';
import { formatCount, formatNs, formatShare } from '../../lib/units';

/** Where the time went, by service and operation. */
export function StatisticsTable({ rows, total }: { rows: Row[]; total: number }) {
  const sums = useMemo(() => statistics(rows), [rows]);
  const [sort, setSort] = useState({ name: 'Of its own', down: true });
  const columns: Column<Sums>[] = [
    { name: 'Service', cell: ({ service }) => service, by: ({ service }) => service },
    { name: 'Operation', cell: ({ operation }) => operation, by: ({ operation }) => operation },
    { name: 'Spans', number: true, cell: ({ spans }) => formatCount(spans), by: ({ spans }) => spans },
    { name: 'Errors', number: true, cell: ({ errors }) => formatCount(errors), by: ({ errors }) => errors },
    { name: 'Total', number: true, cell: ({ totalNs }) => formatNs(totalNs), by: ({ totalNs }) => totalNs / 1e6 },
    {
      name: 'Mean',
      number: true,
      cell: ({ totalNs, spans }) => formatNs(totalNs / spans),
      by: ({ totalNs, spans }) => totalNs / spans / 1e6,
    },
    { name: 'Of its own', number: true, cell: ({ selfNs }) => formatNs(selfNs), by: ({ selfNs }) => selfNs / 1e6 },
    {
      name: 'Of the trace',
      number: true,
      cell: ({ selfNs }) => formatShare(selfNs / total),
      by: ({ selfNs }) => selfNs / total,
    },
  ];
  return (
    <Grid
      caption="Time by service and operation"
      rows={sums}
      columns={columns}
      rowKey={({ service, operation }) => `${service} ${operation}`}
      sort={sort}
      onSort={setSort}
      height="calc(100vh - 270px)"
    />
  );
}
