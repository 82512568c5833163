import { ActionIcon, Button, Group, SegmentedControl, Text } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useApi, useUrl, withQuery } from '../../api/client';
import { Chart } from '../../components/Chart';
import { Empty } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { QueryBar } from '../../components/QueryBar';
import { Scroll } from '../../components/Scroll';
import { type Matrix, seriesName, toLines } from '../../lib/matrix';
import { formatCount, plural } from '../../lib/units';
import { useApiRange, useGrid } from '../../lib/useRange';
import { suggestQuery, useMetricWords } from './words';

const MOST = 6;

/** Metrics by PromQL: several queries, each as a chart or a table; without any, the metrics that there are. */
export default function MetricsPage() {
  const { q = '', view = 'chart' } = useSearch({ from: '/series' });
  const navigate = useNavigate({ from: '/series' });
  // In the URL, queries stand one a line.
  const queries = q
    .split('\n')
    .map((text) => text.trim())
    .filter(Boolean);
  const write = (next: string[]) =>
    void navigate({
      search: (before) => ({ ...before, q: next.filter(Boolean).slice(0, MOST).join('\n') || undefined }),
    });
  const words = useMetricWords();
  return (
    <Page
      title="Metrics"
      right={
        <SegmentedControl
          aria-label="Show as"
          value={view}
          onChange={(value) =>
            void navigate({
              search: (before) => ({ ...before, view: value === 'chart' ? undefined : value }),
              replace: true,
            })
          }
          data={[
            { label: 'Chart', value: 'chart' },
            { label: 'Now', value: 'now' },
          ]}
        />
      }
    >
      {(queries.length ? queries : ['']).map((query, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place
        <div key={place} style={{ display: 'grid', gap: 8, minWidth: 0 }}>
          <QueryBar
            label={`PromQL ${place + 1}`}
            value={query}
            placeholder="sum by (service_name) (rate(http_server_request_duration_seconds_count[5m]))"
            run={(text) => write(queries.length ? queries.map((each, at) => (at === place ? text : each)) : [text])}
            complete={words}
          >
            {queries.length > 0 && (
              <ActionIcon
                variant="default"
                size={30}
                aria-label={`Remove query ${place + 1}`}
                onClick={() => write(queries.filter((_, at) => at !== place))}
              >
                ×
              </ActionIcon>
            )}
          </QueryBar>
          {query && (view === 'now' ? <Now query={query} /> : <Drawn query={query} />)}
        </div>
      ))}
      {queries.length > 0 && queries.length < MOST && (
        <Group>
          <Button variant="default" onClick={() => write([...queries, 'up'])}>
            Another query
          </Button>
        </Group>
      )}
      {queries.length === 0 && <Browse choose={(text) => write([text])} />}
    </Page>
  );
}

function Drawn({ query }: { query: string }) {
  const grid = useGrid(200);
  const answer = useUrl<Matrix>(withQuery('/prometheus/api/v1/query_range', { query, ...grid }));
  const drawn = useMemo(() => (answer.data ? toLines(answer.data, grid) : null), [answer.data, grid]);
  return (
    <Panel
      title={drawn ? plural(drawn.lines.length + drawn.left, 'series', 'series') : 'Result'}
      right={<Notes of={answer.data} left={drawn?.left ?? 0} />}
    >
      <Loaded of={answer} query={query}>
        {() =>
          drawn && drawn.lines.length > 0 ? (
            <Chart times={drawn.times} lines={drawn.lines} label={query} height={260} />
          ) : (
            <Empty title="No series in this time range" />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Notes({ of, left }: { of: Matrix | undefined; left: number }) {
  const notes = [...(of?.warnings ?? []), ...(of?.infos ?? []), ...(left ? [`${left} more series are not drawn`] : [])];
  return notes.length === 0 ? null : (
    <Text size="xs" style={{ color: 'var(--warn)' }} className="cut" title={notes.join('\n')}>
      {notes.join('; ')}
    </Text>
  );
}

type Sample = Matrix['data']['result'][number];

const COLUMNS: Column<Sample>[] = [
  { name: 'Series', cell: ({ metric }) => <span className="mono">{seriesName(metric)}</span> },
  { name: 'Value', number: true, cell: ({ value }) => (value ? formatCount(Number(value[1])) : '–') },
];

function Now({ query }: { query: string }) {
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

/** The metrics that there are: a click makes a sensible query of one. */
function Browse({ choose }: { choose: (query: string) => void }) {
  const range = useApiRange();
  const metrics = useApi('/api/v1/metrics', { query: range });
  const types = useUrl<{ data: Record<string, { type: string; help: string }[]> }>('/prometheus/api/v1/metadata', {
    every: false,
  });
  const names = useUrl<{ data: string[] }>('/prometheus/api/v1/label/__name__/values', { every: 60_000 });
  const units = new Map(metrics.data?.metrics.map(({ metric, unit }) => [metric, unit]));
  return (
    <Panel title="Metrics that arrive">
      <Loaded of={names}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="No metrics in this time range">
              Send them by OTLP, by Prometheus remote write to <code>/prometheus/api/v1/write</code>, or let Traceo
              scrape: <code>scraping.config_file</code>.
            </Empty>
          ) : (
            <Scroll label="Metrics" maxHeight="calc(100vh - 220px)">
              <table className="grid">
                <thead>
                  <tr>
                    <th>Metric</th>
                    <th>Type</th>
                    <th>About</th>
                  </tr>
                </thead>
                <tbody>
                  {data.slice(0, 1000).map((name) => {
                    const about = types.data?.data[name]?.[0];
                    return (
                      <tr key={name}>
                        <td>
                          <button
                            type="button"
                            className="mono"
                            style={{ all: 'unset', cursor: 'pointer', color: 'var(--accent)' }}
                            onClick={() => choose(suggestQuery(name, about?.type))}
                          >
                            {name}
                          </button>
                        </td>
                        <td className="quiet">{about?.type ?? ''}</td>
                        <td className="quiet">{about?.help || units.get(name) || ''}</td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Loaded>
    </Panel>
  );
}
