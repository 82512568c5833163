import { Group, SegmentedControl } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type Answer, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Figure } from '../../components/Red';
import { formatBytes, formatCount, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';

type Row = Answer<'/api/v1/sampling/ledger'>['rows'][number];

const BY = ['policy', 'service', 'verdict', 'day'] as const;

/** Seen, kept and dropped: by policy, service, verdict or day. */
export function Ledger() {
  const { by = 'policy' } = useSearch({ from: '/sampling' });
  const navigate = useNavigate({ from: '/sampling' });
  const range = useApiRange();
  const ledger = useApi('/api/v1/sampling/ledger', { query: { ...range, by } });
  const key = (row: Row) => row[by as (typeof BY)[number]] || '(no policy: dropped)';
  const columns: Column<Row>[] = [
    { name: by[0]?.toUpperCase() + by.slice(1), cell: key },
    { name: 'Traces seen', number: true, cell: (row) => formatCount(row.seen.traces) },
    { name: 'Spans seen', number: true, cell: (row) => formatCount(row.seen.spans) },
    { name: 'Bytes seen', number: true, cell: (row) => formatBytes(row.seen.bytes) },
    { name: 'Dropped', number: true, cell: (row) => formatCount(row.dropped.spans) },
    { name: 'Late', number: true, cell: (row) => formatCount(row.late_kept.spans + row.late_dropped.spans) },
    { name: 'Forced', number: true, cell: (row) => formatCount(row.forced.spans) },
    { name: 'Rescued', number: true, cell: (row) => formatCount(row.rescued.spans) },
    { name: 'Spans kept', number: true, cell: (row) => formatShare(row.share_kept.spans) },
    { name: 'Bytes kept', number: true, cell: (row) => <b>{formatShare(row.share_kept.bytes)}</b> },
  ];
  return (
    <Loaded of={ledger}>
      {({ rows, total }) =>
        total === null ? (
          <Empty title="Nothing was judged in this time range">
            Without policies everything is kept. Set some under “Policies and what-if”: a set that keeps errors, slow
            traces and 10 % of the rest is a good beginning.
          </Empty>
        ) : (
          <>
            <Group justify="space-between" mb="sm">
              <Group className="panel figures" p="sm">
                <Figure name="Traces seen" value={formatCount(total.seen.traces)} />
                <Figure name="Spans kept" value={formatShare(total.share_kept.spans)} />
                <Figure name="Bytes kept" value={formatShare(total.share_kept.bytes)} />
                <Figure
                  name="Saved"
                  value={formatBytes(total.seen.bytes * (1 - (total.share_kept.bytes ?? 1)))}
                  tone="var(--good)"
                />
              </Group>
              <SegmentedControl
                aria-label="By"
                data={[...BY]}
                value={by}
                onChange={(value) => void navigate({ search: (before) => ({ ...before, by: value }), replace: true })}
              />
            </Group>
            <Grid
              caption={`Sampling by ${by}`}
              rows={rows}
              columns={columns}
              rowKey={key}
              height="calc(100vh - 300px)"
            />
          </>
        )
      }
    </Loaded>
  );
}
