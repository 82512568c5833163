import { Alert, Text } from '@mantine/core';
import type { Answer } from '../../api/client';
import { Exported } from '../../components/Export';
import { Panel } from '../../components/Panel';
import { Scroll } from '../../components/Scroll';
import { formatNs, formatShare } from '../../lib/units';

type Path = Answer<'/api/v1/traces/{trace_id}/critical-path'>;

/** What the trace waited for, longest first, and in order of time. */
export function PathTable({ path, choose }: { path: Path; choose: (id: string) => void }) {
  return (
    <div style={{ display: 'grid', gap: 8, minWidth: 0 }}>
      {path.mended.length > 0 && (
        <Alert color="yellow" variant="light" p="xs">
          {path.mended.join('; ')}
        </Alert>
      )}
      <Panel title={`What determined the ${formatNs(path.duration_ns)}`}>
        <Exported name="critical path by operation">
          <Scroll label="Critical path by operation" maxHeight="none">
            <table className="grid">
              <thead>
                <tr>
                  <th>Service</th>
                  <th>Operation</th>
                  <th>Kind of wait</th>
                  <th className="number">Time</th>
                  <th style={{ width: '25%' }}>Share</th>
                </tr>
              </thead>
              <tbody>
                {path.on_path.map((sum) => (
                  <tr key={`${sum.service} ${sum.operation} ${sum.kind} ${sum.span_kind}`}>
                    <td>{sum.service}</td>
                    <td>{sum.operation}</td>
                    <td className="quiet">{sum.kind}</td>
                    <td className="number">{formatNs(sum.duration_ns)}</td>
                    <td>
                      <div style={{ display: 'flex', alignItems: 'center', gap: 6 }}>
                        <div
                          aria-hidden
                          style={{
                            width: `${sum.share * 70}%`,
                            height: 8,
                            background: 'var(--accent)',
                            borderRadius: 2,
                          }}
                        />
                        <Text size="xs">{formatShare(sum.share)}</Text>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </Exported>
      </Panel>
      <Panel title="Step by step">
        <Exported name="critical path step by step">
          <Scroll label="Steps" maxHeight={360}>
            <table className="grid">
              <thead>
                <tr>
                  <th className="number">After</th>
                  <th>Span</th>
                  <th>Kind of wait</th>
                  <th className="number">Time</th>
                </tr>
              </thead>
              <tbody>
                {path.segments.map((segment) => (
                  <tr key={`${segment.offset_ns} ${segment.span_id}`}>
                    <td className="number">{formatNs(segment.offset_ns)}</td>
                    <td>
                      <button
                        type="button"
                        className="bare"
                        onClick={() => choose(segment.span_id)}
                        style={{ color: 'var(--accent)' }}
                      >
                        {segment.service}: {segment.operation}
                      </button>
                    </td>
                    <td className="quiet">{segment.kind}</td>
                    <td className="number">{formatNs(segment.duration_ns)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </Exported>
      </Panel>
    </div>
  );
}
