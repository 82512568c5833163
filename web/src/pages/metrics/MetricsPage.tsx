import { ActionIcon, Button, Group, SegmentedControl } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Page } from '../../components/Page';
import { Pin } from '../../components/Pin';
import { QueryBar } from '../../components/QueryBar';
import { QueryTools } from '../../components/QueryTools';
import { Drawn, Now } from './Answers';
import { Browse } from './Browse';
import { Builder } from './Builder';
import { LESSONS } from './lessons';
import { useMetricWords } from './words';

const MOST = 6;

/** Metrics by PromQL: several queries, each as a chart or a table; without any, the metrics that there are. */
export default function MetricsPage() {
  const { q = '', view = 'chart', build } = useSearch({ from: '/series' });
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
  const change = (place: number, text: string) =>
    write(queries.length ? queries.map((each, at) => (at === place ? text : each)) : [text]);
  return (
    <Page
      title="Metrics"
      right={
        <Group gap="xs">
          <Pin language="promql" queries={queries} kind={view === 'now' ? 'table' : 'time_series'} />
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
        </Group>
      }
    >
      {(queries.length ? queries : ['']).map((query, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place
        <div key={place} style={{ display: 'grid', gap: 8, minWidth: 0 }}>
          <QueryBar
            label={`PromQL ${place + 1}`}
            value={query}
            placeholder="sum by (service_name) (rate(http_server_request_duration_seconds_count[5m]))"
            run={(text) => change(place, text)}
            complete={words}
          >
            <Button
              variant="default"
              aria-pressed={build === String(place + 1)}
              aria-label={`Build query ${place + 1}`}
              onClick={() =>
                void navigate({
                  search: (before) => ({
                    ...before,
                    build: build === String(place + 1) ? undefined : String(place + 1),
                  }),
                  replace: true,
                })
              }
            >
              Build
            </Button>
            <QueryTools language="promql" query={query} run={(text) => change(place, text)} lessons={LESSONS} />
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
          {build === String(place + 1) && <Builder query={query} run={(text) => change(place, text)} />}
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
