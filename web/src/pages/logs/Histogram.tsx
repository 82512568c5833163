import { useMemo } from 'react';
import { withQuery } from '../../api/ahead';
import { useUrl } from '../../api/client';
import { Chart } from '../../components/Chart';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { countQuery, selectsLines } from '../../lib/logql';
import { type Matrix, toLines } from '../../lib/matrix';
import { formatCount } from '../../lib/units';
import { useGrid } from '../../lib/useRange';

const COLORS: Record<string, string> = {
  error: '#e03131',
  critical: '#c92a2a',
  fatal: '#c92a2a',
  warn: '#e8890c',
  info: '#2b8a3e',
  debug: '#868e96',
  trace: '#adb5bd',
};

/** How many lines over time, by level; of a query of numbers, those. */
export function Histogram({ q }: { q: string }) {
  const grid = useGrid(80);
  const lines = selectsLines(q);
  const url = withQuery('/loki/api/v1/query_range', { query: lines ? countQuery(q, grid.step) : q, ...grid });
  const counts = useUrl<Matrix>(url);
  const shown = useMemo(() => {
    if (!counts.data) return null;
    const drawn = toLines(counts.data, grid, lines ? (metric) => metric.detected_level || 'lines' : undefined);
    return { ...drawn, lines: drawn.lines.map((line) => ({ ...line, color: lines ? COLORS[line.name] : undefined })) };
  }, [counts.data, grid, lines]);
  return (
    <Panel title={lines ? 'Lines over time' : 'Result'}>
      <Loaded of={counts} query={lines ? undefined : q} lines={4}>
        {() =>
          shown && (
            <Chart
              times={shown.times}
              lines={shown.lines}
              label="Log lines over time"
              format={formatCount}
              height={lines ? 110 : 260}
              kind={lines ? 'bar' : 'line'}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
