import { Link, useNavigate } from '@tanstack/react-router';
import { useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Scroll } from '../../components/Scroll';
import { narrow } from '../../lib/logql';
import { formatTime } from '../../lib/time';
import { formatMs } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';
import { LineList } from '../logs/LineList';
import { type Streams, toLines } from '../logs/lines';
import { Drawing } from '../map/Drawing';

/** Log lines; a filter on one of their fields opens them on the page of logs. */
export function Lines({ answer, query }: { answer: Streams; query: string }) {
  const navigate = useNavigate();
  const lines = toLines(answer);
  if (lines.length === 0) return <Empty title="No log lines in this time range" />;
  const filter = (name: string, value: string, keep: boolean, isLabel: boolean) =>
    void navigate({ to: '/logs', search: { q: narrow(query, name, value, keep, isLabel) } });
  return <LineList lines={lines} filter={filter} height="100%" />;
}

interface Found {
  traceID: string;
  rootServiceName: string;
  rootTraceName: string;
  startTimeUnixNano: string;
  durationMs: number;
}

export function Traces({ answer, label }: { answer: { traces: Found[] }; label: string }) {
  const { utc } = useShell();
  if (answer.traces.length === 0) return <Empty title="No traces in this time range" />;
  return (
    <Scroll label={label} maxHeight="100%">
      <table className="grid">
        <thead>
          <tr>
            <th>Started</th>
            <th>Trace</th>
            <th className="number">Duration</th>
          </tr>
        </thead>
        <tbody>
          {answer.traces.map((trace) => (
            <tr key={trace.traceID}>
              <td className="nowrap quiet">{formatTime(Number(trace.startTimeUnixNano) / 1e6, utc)}</td>
              <td>
                <Link className="link" to="/traces/$traceId" params={{ traceId: trace.traceID.padStart(32, '0') }}>
                  {trace.rootServiceName || '(root not seen)'}: {trace.rootTraceName || '–'}
                </Link>
              </td>
              <td className="number">{formatMs(trace.durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** The map around a service, or all of it. */
export function ServiceMap({ service }: { service: string }) {
  const navigate = useNavigate();
  const range = useApiRange();
  const answer = useApi('/api/v1/map', { query: { ...range, focus: service || undefined } });
  return (
    <Loaded of={answer}>
      {(map) =>
        map.nodes.length === 0 ? (
          <Empty title="No calls between services in this time range" />
        ) : (
          <Drawing
            map={map}
            find=""
            focus={service}
            differences={null}
            onFocus={(focus) => void navigate({ to: '/map', search: { focus } })}
            onEdge={(source, target) => void navigate({ to: '/map', search: { source, target } })}
          />
        )
      }
    </Loaded>
  );
}
