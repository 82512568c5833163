import { Code, Group, SimpleGrid, Tabs, Text } from '@mantine/core';
import { type Answer, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { type Column, Grid } from '../../components/Grid';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { Panel } from '../../components/Panel';
import { Figure } from '../../components/Red';
import { Scroll } from '../../components/Scroll';
import { formatBytes, formatCount } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';

type Row = Answer<'/api/v1/usage'>['usage'][number];

const COLUMNS: Column<Row>[] = [
  { name: 'Service', cell: ({ service }) => service },
  { name: 'Signal', cell: ({ signal }) => signal },
  { name: 'Items', number: true, cell: ({ items }) => formatCount(items) },
  { name: 'Bytes', number: true, cell: ({ bytes }) => formatBytes(bytes) },
  { name: 'Bytes an item', number: true, cell: ({ items, bytes }) => formatBytes(bytes / Math.max(1, items)) },
];

/** What arrives, from whom, how many series, and how to send more. */
export default function UsagePage() {
  const range = useApiRange();
  const usage = useApi('/api/v1/usage', { query: range });
  const status = useApi('/api/v1/status');
  const sum = (signal: string, of: 'items' | 'bytes') =>
    (usage.data?.usage ?? []).reduce((total, row) => total + (row.signal === signal ? row[of] : 0), 0);
  return (
    <Page title="Ingest and usage">
      <Group className="panel figures" p="sm">
        {['traces', 'logs', 'metrics'].map((signal) => (
          <Figure
            key={signal}
            name={signal[0]?.toUpperCase() + signal.slice(1)}
            value={`${formatCount(sum(signal, 'items'))} · ${formatBytes(sum(signal, 'bytes'))}`}
          />
        ))}
        <Figure name="Free disk" value={formatBytes(status.data?.free_disk_bytes)} />
        <Figure name="Not yet committed" value={formatBytes(status.data?.buffered_bytes)} />
        <Figure name="Version" value={status.data?.version ?? '–'} />
      </Group>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
        <Loaded of={usage}>
          {({ usage: rows }) =>
            rows.length === 0 ? (
              <Panel title="By service">
                <Empty title="Nothing arrived in this time range">The snippets beside this say how to send.</Empty>
              </Panel>
            ) : (
              <Grid
                caption="What arrived, by service and signal"
                rows={rows}
                columns={COLUMNS}
                rowKey={({ service, signal }) => `${service} ${signal}`}
                height="420px"
              />
            )
          }
        </Loaded>
        <HowToSend />
        <Cardinality />
      </SimpleGrid>
    </Page>
  );
}

function Cardinality() {
  const answer = useApi('/api/v1/cardinality', {}, { every: 60_000 });
  return (
    <Panel title="Metric series today">
      <Loaded of={answer}>
        {({ series, metrics, unqueried }) => (
          <>
            <Group className="figures" p="sm">
              <Figure name="Series" value={`${formatCount(series.today)} of ${formatCount(series.limit)}`} />
              <Figure name="New" value={formatCount(series.new)} />
              <Figure name="Gone" value={formatCount(series.gone)} />
              <Figure name="Nobody queried" value={`${formatCount(unqueried.series)} series`} />
            </Group>
            <Scroll label="Metrics with most series" maxHeight={300}>
              <table className="grid">
                <thead>
                  <tr>
                    <th>Metric</th>
                    <th className="number">Series</th>
                    <th className="number">New</th>
                    <th className="number">Queries</th>
                  </tr>
                </thead>
                <tbody>
                  {metrics.map((metric) => (
                    <tr key={metric.metric}>
                      <td className="mono">{metric.metric}</td>
                      <td className="number">{formatCount(metric.series)}</td>
                      <td className="number">{formatCount(metric.new)}</td>
                      <td className="number">{formatCount(metric.queries)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

/** How to send, with this server's address. */
function HowToSend() {
  const { hostname, origin } = window.location;
  const otlp = `http://${hostname}:4317`;
  const snippets: [string, string][] = [
    [
      'Any SDK',
      `export OTEL_SERVICE_NAME=my-service\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${otlp}\n# with tokens:\nexport OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer TOKEN"`,
    ],
    [
      'Python',
      `pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install\nOTEL_SERVICE_NAME=my-service OTEL_EXPORTER_OTLP_ENDPOINT=${otlp} \\\n  opentelemetry-instrument python app.py`,
    ],
    [
      'Node',
      `npm install @opentelemetry/auto-instrumentations-node\nOTEL_SERVICE_NAME=my-service OTEL_EXPORTER_OTLP_ENDPOINT=http://${hostname}:4318 \\\n  node --require @opentelemetry/auto-instrumentations-node/register app.js`,
    ],
    [
      'Java',
      `OTEL_SERVICE_NAME=my-service OTEL_EXPORTER_OTLP_ENDPOINT=http://${hostname}:4318 \\\n  java -javaagent:opentelemetry-javaagent.jar -jar app.jar`,
    ],
    ['Collector', `exporters:\n  otlp:\n    endpoint: ${hostname}:4317\n    tls: {insecure: true}`],
    ['Prometheus', `remote_write:\n  - url: ${origin}/prometheus/api/v1/write`],
    [
      'Grafana',
      `Prometheus: ${origin}/prometheus\nLoki:       ${origin}/loki\nTempo:      ${origin}/tempo\nJaeger:     ${origin}/jaeger`,
    ],
  ];
  return (
    <Panel title="How to send, and to ask">
      <Tabs defaultValue="0" p="sm">
        <Tabs.List>
          {snippets.map(([name], place) => (
            <Tabs.Tab key={name} value={String(place)}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {snippets.map(([name, text], place) => (
          <Tabs.Panel key={name} value={String(place)} pt="xs">
            <Code block tabIndex={0}>
              {text}
            </Code>
          </Tabs.Panel>
        ))}
      </Tabs>
      <Text size="xs" className="quiet" px="sm" pb="sm">
        Ports are those of the default configuration.
      </Text>
    </Panel>
  );
}
