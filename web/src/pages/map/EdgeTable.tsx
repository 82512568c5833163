import { type Column, Grid } from '../../components/Grid';
import { HealthMark } from '../../components/HealthMark';
import { Errors } from '../../components/Red';
import { formatMs, formatRate } from '../../lib/units';
import { NodeLink } from '../services/ServicePage';
import type { MapAnswer } from './MapPage';

type Edge = MapAnswer['edges'][number];

const COLUMNS: Column<Edge>[] = [
  { name: 'Health', width: 70, cell: ({ health }) => <HealthMark health={health} /> },
  { name: 'From', cell: ({ source }) => <NodeLink id={source} /> },
  { name: 'To', cell: ({ target }) => <NodeLink id={target} /> },
  { name: 'Kind', cell: ({ kind }) => kind },
  { name: 'Rate', number: true, cell: (row) => formatRate(row.rate_per_s) },
  { name: 'Errors', number: true, cell: (row) => <Errors share={row.error_ratio} /> },
  { name: 'p50', number: true, cell: (row) => formatMs(row.p50_ms) },
  { name: 'p95', number: true, cell: (row) => formatMs(row.p95_ms) },
  { name: 'p99', number: true, cell: (row) => formatMs(row.p99_ms) },
];

/** The map for those who would rather read it. */
export function EdgeTable({ map, find }: { map: MapAnswer; find: string }) {
  const rows = map.edges.filter(({ source, target }) =>
    `${source} ${target}`.toLowerCase().includes(find.toLowerCase()),
  );
  return (
    <Grid
      caption="Calls between services"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ source, target, kind }) => `${source} ${target} ${kind}`}
    />
  );
}
