import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import type { Dot } from '../../components/Chart';
import type { Grid } from '../../lib/matrix';
import { formatTime } from '../../lib/time';
import { formatCount, plural } from '../../lib/units';
import { useShell } from '../../shell/state';

const DRAWN = 300;
const LISTED = 12;

export interface Exemplar extends Dot {
  traceId: string;
  spanId: string | undefined;
}

interface Answer {
  data: { exemplars: { labels: Record<string, string>; value: string; timestamp: number }[] }[];
}

/** Measurements of the query's series that name a trace, newest first, each trace once. */
export function readExemplars({ data }: Answer): Exemplar[] {
  const found = new Map<string, Exemplar>();
  for (const { labels, value, timestamp } of data.flatMap(({ exemplars }) => exemplars)) {
    const traceId = labels.trace_id ?? labels.traceID;
    if (!traceId) continue;
    const text = `Trace ${traceId.slice(0, 8)}: ${formatCount(Number(value))}`;
    found.set(traceId, { timeS: timestamp, value: Number(value), text, traceId, spanId: labels.span_id });
  }
  return [...found.values()].sort((a, b) => b.timeS - a.timeS).slice(0, DRAWN);
}

export function useExemplars(query: string, { start, end }: Grid, enabled: boolean): Exemplar[] {
  const answer = useUrl<Answer>(withQuery('/prometheus/api/v1/query_exemplars', { query, start, end }), { enabled });
  return useMemo(() => (answer.data ? readExemplars(answer.data) : []), [answer.data]);
}

/** The newest as links: the dots of the chart for those who do not point. */
export function Exemplars({ found }: { found: Exemplar[] }) {
  const { utc } = useShell();
  if (found.length === 0) return null;
  return (
    <Text size="xs" px="sm" pb="xs" component="div">
      <span aria-hidden style={{ color: 'var(--warn)' }}>
        ◆
      </span>{' '}
      <span className="quiet">{plural(found.length, 'exemplar')}; a dot opens the trace. The newest:</span>{' '}
      {found.slice(0, LISTED).map(({ traceId, spanId, timeS, value }) => (
        <Link
          key={traceId}
          className="link mono"
          to="/traces/$traceId"
          params={{ traceId }}
          search={{ span: spanId }}
          title={formatTime(timeS * 1000, utc)}
          style={{ marginRight: 10 }}
        >
          {traceId.slice(0, 8)} ({formatCount(value)})
        </Link>
      ))}
    </Text>
  );
}
