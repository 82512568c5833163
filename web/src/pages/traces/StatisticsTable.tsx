import { useMemo } from 'react';
import { type Column, Grid } from '../../components/Grid';
import { type Row, type Sums, statistics } from '../../lib/trace';
import { formatCount, formatNs, formatShare } from '../../lib/units';

/** Where the time went, by service and operation. */
export function StatisticsTable({ rows, total }: { rows: Row[]; total: number }) {
  const sums = useMemo(() => statistics(rows), [rows]);
  const columns: Column<Sums>[] = [
    { name: 'Service', cell: ({ service }) => service },
    { name: 'Operation', cell: ({ operation }) => operation },
    { name: 'Spans', number: true, cell: ({ spans }) => formatCount(spans) },
    { name: 'Errors', number: true, cell: ({ errors }) => formatCount(errors) },
    { name: 'Total', number: true, cell: ({ totalNs }) => formatNs(totalNs) },
    { name: 'Mean', number: true, cell: ({ totalNs, spans }) => formatNs(totalNs / spans) },
    { name: 'Of its own', number: true, cell: ({ selfNs }) => formatNs(selfNs) },
    { name: 'Of the trace', number: true, cell: ({ selfNs }) => formatShare(selfNs / total) },
  ];
  return (
    <Grid
      caption="Time by service and operation"
      rows={sums}
      columns={columns}
      rowKey={({ service, operation }) => `${service} ${operation}`}
      height="calc(100vh - 270px)"
    />
  );
}
