import { Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import { Chart } from '../../components/Chart';
import { Empty } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { type Matrix, seriesName, toLines } from '../../lib/matrix';
import { formatCount, formatMs, plural } from '../../lib/units';
import { useGrid } from '../../lib/useRange';
import { Exemplars, useExemplars } from './Exemplars';

/** A query as a chart, with its exemplars. */
export function Drawn({ query }: { query: string }) {
  const grid = useGrid(200);
  const navigate = useNavigate();
  const answer = useUrl<Matrix>(withQuery('/prometheus/api/v1/query_range', { query, ...grid, stats: 'all' }));
  const drawn = useMemo(() => (answer.data ? toLines(answer.data, grid) : null), [answer.data, grid]);
  const exemplars = useExemplars(query, grid, answer.data !== undefined);
  return (
    <Panel
      title={drawn ? plural(drawn.lines.length + drawn.left, 'series', 'series') : 'Result'}
      right={<Notes of={answer.data} left={drawn?.left ?? 0} />}
    >
      <Loaded of={answer} query={query}>
        {() =>
          drawn && drawn.lines.length > 0 ? (
            <>
              <Chart
                times={drawn.times}
                lines={drawn.lines}
                label={query}
                height={260}
                dots={exemplars}
                onDot={(dot) => {
                  const found = exemplars.find((each) => each === dot);
                  if (found)
                    void navigate({
                      to: '/traces/$traceId',
                      params: { traceId: found.traceId },
                      search: { span: found.spanId },
                    });
                }}
              />
              <Exemplars found={exemplars} />
            </>
          ) : (
            <Empty title="No series in this time range" />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** What the query cost, and what is to be known of its answer. */
function Notes({ of, left }: { of: Matrix | undefined; left: number }) {
  const notes = [...(of?.warnings ?? []), ...(of?.infos ?? []), ...(left ? [`${left} more series are not drawn`] : [])];
  const stats = of?.data.stats;
  return (
    <Text size="xs" className="cut" style={{ flex: 'none', maxWidth: '70%' }} title={notes.join('\n')}>
      <span style={{ color: 'var(--warn)' }}>{notes.join('; ')}</span>
      {stats && (
        <span className="quiet">
          {notes.length > 0 && ' · '}
          {formatMs(stats.timings.execTotalTime * 1000)}, {plural(stats.samples.totalQueryableSamples, 'point')}
        </span>
      )}
    </Text>
  );
}

type Sample = Matrix['data']['result'][number];

const COLUMNS: Column<Sample>[] = [
  {
    name: 'Series',
    cell: ({ metric }) => <span className="mono">{seriesName(metric)}</span>,
    value: ({ metric }) => seriesName(metric),
  },
  {
    name: 'Value',
    number: true,
    cell: ({ value }) => (value ? formatCount(Number(value[1])) : '–'),
    value: ({ value }) => (value ? Number(value[1]) : null),
  },
];

/** A query as a table of what holds at the end of the range. */
export function Now({ query }: { query: string }) {
  const { end } = useGrid();
  const answer = useUrl<Matrix>(withQuery('/prometheus/api/v1/query', { query, time: end }));
  return (
    <Loaded of={answer} query={query}>
      {({ data }) =>
        data.resultType === 'vector' ? (
          <Grid
            caption={`Values of ${query}`}
            rows={data.result}
            columns={COLUMNS}
            rowKey={({ metric }) => seriesName(metric)}
            height="420px"
          />
        ) : (
          <Panel title={data.resultType}>
            <Text p="sm" className="mono">
              {JSON.stringify(data.result)}
            </Text>
          </Panel>
        )
      }
    </Loaded>
  );
}
