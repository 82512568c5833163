import { Accordion, CloseButton, Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../api/client';
import { Attributes, show } from '../../components/Attributes';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { formatClock } from '../../lib/time';
import type { Span, TraceAnswer } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { useShell } from '../../shell/state';

const AROUND_NS = 60e9;

/** Everything about one span: attributes, events, links, its log lines, what sent it. */
export function Details({
  span,
  trace,
  startNs,
  close,
}: {
  span: Span;
  trace: TraceAnswer;
  startNs: number;
  close: () => void;
}) {
  const resource = trace.resources[span.resource_id]?.attributes ?? {};
  const scope = trace.scopes[span.scope_id];
  return (
    <aside
      className="panel"
      aria-label={`Span ${span.name}`}
      style={{ minWidth: 0, overflow: 'auto', maxHeight: 'calc(100vh - 240px)' }}
    >
      <Group justify="space-between" wrap="nowrap" p="sm" pb={0} align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {span.name}
          </Text>
          <Text size="xs">
            <Link to="/services/$service" params={{ service: span.service }} className="link">
              {span.service}
            </Link>{' '}
            · {span.kind} · {formatNs(span.duration_ns)} · starts at {formatNs(span.start_time_ns - startNs)}
          </Text>
          {span.status === 'error' && (
            <Text size="sm" style={{ color: 'var(--bad)', overflowWrap: 'anywhere' }}>
              Failed{span.status_message && `: ${span.status_message}`}
            </Text>
          )}
        </div>
        <CloseButton onClick={close} aria-label="Close the span" size="sm" />
      </Group>
      <Accordion
        multiple
        defaultValue={['logs', 'attributes', 'events']}
        styles={{
          control: { paddingBlock: 0 },
          label: { paddingBlock: 6, fontSize: 13, fontWeight: 600 },
          content: { paddingTop: 0 },
        }}
      >
        <Section name="logs" title="Log lines">
          <Lines span={span} traceId={trace.trace_id} />
        </Section>
        <Section name="attributes" title="Attributes">
          <Attributes of={span.attributes} />
        </Section>
        {span.events.length > 0 && (
          <Section name="events" title={`Events (${span.events.length})`}>
            {span.events.map((event, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events may be equal
              <div key={place} style={{ marginBottom: 8 }}>
                <Text size="xs" fw={600}>
                  {event.name} <span className="quiet">at {formatNs(event.time_ns - span.start_time_ns)}</span>
                </Text>
                <Attributes of={event.attributes} />
              </div>
            ))}
          </Section>
        )}
        {span.links.length > 0 && (
          <Section name="links" title={`Links (${span.links.length})`}>
            {span.links.map((link) => (
              <Text size="xs" key={`${link.trace_id} ${link.span_id}`} className="mono">
                <Link
                  to="/traces/$traceId"
                  params={{ traceId: link.trace_id }}
                  search={{ span: link.span_id }}
                  className="link"
                >
                  {link.trace_id}
                </Link>
              </Text>
            ))}
          </Section>
        )}
        <Section name="resource" title="Resource">
          <Attributes of={resource} />
        </Section>
        <Section name="more" title="Identity">
          <Attributes
            of={{
              'span id': span.span_id,
              'parent span id': span.parent_span_id ?? 'none',
              scope: `${scope?.name ?? ''} ${scope?.version ?? ''}`.trim(),
              'trace state': span.trace_state,
            }}
          />
        </Section>
      </Accordion>
    </aside>
  );
}

function Section({ name, title, children }: { name: string; title: string; children: React.ReactNode }) {
  return (
    <Accordion.Item value={name}>
      <Accordion.Control>{title}</Accordion.Control>
      <Accordion.Panel>{children}</Accordion.Panel>
    </Accordion.Item>
  );
}

/** The span's own lines; those of the whole trace are a click away. */
function Lines({ span, traceId }: { span: Span; traceId: string }) {
  const { utc } = useShell();
  const start = ((span.start_time_ns - AROUND_NS) / 1e9).toFixed(3);
  const end = ((span.start_time_ns + span.duration_ns + AROUND_NS) / 1e9).toFixed(3);
  const logs = useApi(
    '/api/v1/logs',
    { query: { start, end, trace_id: traceId, span_id: span.span_id, limit: 50 } },
    { every: false },
  );
  return (
    <>
      <Loaded of={logs} lines={2}>
        {({ logs: lines }) =>
          lines.length === 0 ? (
            <Empty title="No lines carry this span's id" />
          ) : (
            <ul style={{ margin: 0, padding: 0, listStyle: 'none', fontSize: 12 }}>
              {[...lines].reverse().map((line) => (
                <li
                  key={`${line.time_ns} ${show(line.body)}`}
                  className="mono"
                  style={{
                    overflowWrap: 'anywhere',
                    color: line.severity >= 17 ? 'var(--bad)' : line.severity >= 13 ? 'var(--warn)' : undefined,
                  }}
                >
                  <span className="quiet">{formatClock(line.time_ns / 1e6, utc)}</span> {show(line.body)}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <Text size="xs" mt={4}>
        <Link
          className="link"
          to="/logs"
          search={{
            q: `{service_name=~".+"} | trace_id="${traceId}"`,
            from: String(Math.round(Number(start) * 1000)),
            to: String(Math.round(Number(end) * 1000)),
          }}
        >
          All lines of this trace
        </Link>
      </Text>
    </>
  );
}
