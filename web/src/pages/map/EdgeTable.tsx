import { UnstyledButton } from '@mantine/core';
import { useMemo, useState } from 'react';
import { type Column, Grid } from '../../components/Grid';
import { HealthMark } from '../../components/HealthMark';
import { NodeLink } from '../../components/NodeLink';
import { Errors } from '../../components/Red';
import { formatMs, formatRate } from '../../lib/units';
import { type Differences, KINDS } from './differences';
import { type Edge, edgeKey } from './looks';
import type { MapAnswer } from './MapPage';

const COLUMNS: Column<Edge>[] = [
  { name: 'Health', width: 70, cell: ({ health }) => <HealthMark health={health} /> },
  { name: 'From', by: ({ source }) => source, cell: ({ source }) => <NodeLink id={source} /> },
  { name: 'To', by: ({ target }) => target, cell: ({ target }) => <NodeLink id={target} /> },
  { name: 'Kind', by: ({ kind }) => kind, cell: ({ kind }) => kind },
  { name: 'Rate', number: true, by: (row) => row.rate_per_s, cell: (row) => formatRate(row.rate_per_s) },
  { name: 'Errors', number: true, by: (row) => row.error_ratio, cell: (row) => <Errors share={row.error_ratio} /> },
  { name: 'p50', number: true, by: (row) => row.p50_ms, cell: (row) => formatMs(row.p50_ms) },
  { name: 'p95', number: true, by: (row) => row.p95_ms, cell: (row) => formatMs(row.p95_ms) },
  { name: 'p99', number: true, by: (row) => row.p99_ms, cell: (row) => formatMs(row.p99_ms) },
];

interface Props {
  map: MapAnswer;
  find: string;
  differences: Differences | null;
  onEdge: (source: string, target: string) => void;
}

/** The map for those who would rather read it. */
export function EdgeTable({ map, find, differences, onEdge }: Props) {
  const [sort, setSort] = useState({ name: 'Rate', down: true });
  const rows = map.edges.filter(({ source, target }) =>
    `${source} ${target}`.toLowerCase().includes(find.toLowerCase()),
  );
  const columns = useMemo((): Column<Edge>[] => {
    const found = (row: Edge) => differences?.edges.get(edgeKey(row));
    const changed: Column<Edge> = {
      name: 'Difference',
      by: (row) => found(row)?.kind ?? '',
      cell: (row) => {
        const difference = found(row);
        if (!difference) return '';
        return (
          <b style={{ color: `var(${KINDS[difference.kind].color})`, whiteSpace: 'normal' }}>{difference.words}</b>
        );
      },
    };
    const overTime: Column<Edge> = {
      name: 'Charts',
      cell: ({ source, target }) =>
        `${source} ${target}`.includes('group:') ? (
          ''
        ) : (
          <UnstyledButton className="link" fz="sm" onClick={() => onEdge(source, target)}>
            over time
          </UnstyledButton>
        ),
    };
    return [...COLUMNS.slice(0, 3), ...(differences ? [changed] : []), ...COLUMNS.slice(3), overTime];
  }, [differences, onEdge]);
  return (
    <Grid
      caption="Calls between services"
      rows={rows}
      columns={columns}
      rowKey={edgeKey}
      sort={sort}
      onSort={setSort}
      height="calc(100vh - 260px)"
    />
  );
}
