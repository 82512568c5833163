import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { Scroll } from '../../components/Scroll';
import type { Row } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { serviceColor } from '../../theme';
import { matches } from './Waterfall';

interface Props {
  rows: Row[];
  limits: { startNs: number; endNs: number };
  chosen: string | undefined;
  choose: (id: string) => void;
  find: string;
}

const HEIGHT = 20;
const NARROWEST = 0.0004;
const MOST = 4000;

/** Depth downwards, time to the right: where much of a trace's time is spent is wide. Too narrow ones are left out. */
export function Flames({ rows, limits, chosen, choose, find }: Props) {
  const dark = useComputedColorScheme('light') === 'dark';
  const total = limits.endNs - limits.startNs;
  const wide = useMemo(
    () => rows.filter(({ span }) => span.duration_ns / total >= NARROWEST).slice(0, MOST),
    [rows, total],
  );
  const deepest = wide.reduce((depth, row) => Math.max(depth, row.depth), 0);
  return (
    <Scroll className="panel" label="Flame graph; the same as a list: view Waterfall" maxHeight="calc(100vh - 250px)">
      <div style={{ position: 'relative', height: (deepest + 1) * HEIGHT + 8 }}>
        {wide.map(({ span, depth }, place) => (
          <button
            type="button"
            tabIndex={-1}
            // biome-ignore lint/suspicious/noArrayIndexKey: ids of spans may repeat
            key={place}
            title={`${span.service}: ${span.name}\n${formatNs(span.duration_ns)}`}
            onClick={() => choose(span.span_id)}
            className="cut"
            style={{
              all: 'unset',
              boxSizing: 'border-box',
              position: 'absolute',
              cursor: 'pointer',
              left: `${((span.start_time_ns - limits.startNs) / total) * 100}%`,
              width: `max(1px, ${(span.duration_ns / total) * 100}%)`,
              top: depth * HEIGHT + 4,
              height: HEIGHT - 2,
              padding: '0 4px',
              fontSize: 11,
              lineHeight: `${HEIGHT - 2}px`,
              overflow: 'hidden',
              whiteSpace: 'nowrap',
              borderRadius: 2,
              color: dark ? '#000' : '#fff',
              background: serviceColor(span.service, dark),
              opacity: matches(span, find) ? 1 : 0.25,
              outline:
                span.span_id === chosen
                  ? '2px solid currentColor'
                  : span.status === 'error'
                    ? '2px solid var(--bad)'
                    : undefined,
              outlineOffset: -2,
            }}
          >
            {span.name}
          </button>
        ))}
      </div>
    </Scroll>
  );
}
