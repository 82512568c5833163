import { Button, useComputedColorScheme } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Scroll } from '../../components/Scroll';
import { type Flame, flames, wideFlames } from '../../lib/flames';
import type { Row } from '../../lib/trace';
import { formatNs, formatShare, plural } from '../../lib/units';
import { serviceColor } from '../../theme';

interface Props {
  rows: Row[];
  chosen: string | undefined;
  choose: (id: string) => void;
  find: string;
}

const HEIGHT = 20;
const NARROWEST = 0.0005;
const MOST = 4000;

/** Where the time of a trace is spent: calls of the same path together. A click looks closer, and shows the longest. */
export function Flames({ rows, chosen, choose, find }: Props) {
  const dark = useComputedColorScheme('light') === 'dark';
  const roots = useMemo(() => flames(rows), [rows]);
  const [focus, setFocus] = useState<Flame | null>(null);
  const shown = useMemo(() => {
    const of = focus ? [focus] : roots;
    const total = of.reduce((sum, { valueNs }) => sum + valueNs, 0) || 1;
    return { total, from: of[0]?.fromNs ?? 0, top: focus?.depth ?? 0, all: wideFlames(of, total * NARROWEST, MOST) };
  }, [roots, focus]);
  const deepest = shown.all.reduce((depth, flame) => Math.max(depth, flame.depth), shown.top) - shown.top;
  const wanted = find.toLowerCase();
  return (
    <div style={{ minWidth: 0 }}>
      {focus && (
        <Button variant="default" size="compact-xs" mb={4} onClick={() => setFocus(null)}>
          The whole trace
        </Button>
      )}
      <Scroll className="panel" label="Flame graph; the same as a table: Statistics" maxHeight="calc(100vh - 250px)">
        <div style={{ position: 'relative', height: (deepest + 1) * HEIGHT + 8 }}>
          {shown.all.map((flame) => (
            <button
              type="button"
              tabIndex={-1}
              key={flame.id}
              title={told(flame, shown.total)}
              onClick={() => {
                setFocus(flame.depth === 0 ? null : flame);
                if (flame.spanId !== chosen) choose(flame.spanId);
              }}
              className="cut"
              style={{
                all: 'unset',
                boxSizing: 'border-box',
                position: 'absolute',
                cursor: 'pointer',
                left: `${((flame.fromNs - shown.from) / shown.total) * 100}%`,
                width: `calc(${(flame.valueNs / shown.total) * 100}% - 1px)`,
                minWidth: 1,
                top: (flame.depth - shown.top) * HEIGHT + 4,
                height: HEIGHT - 2,
                padding: '0 4px',
                fontSize: 11,
                lineHeight: `${HEIGHT - 2}px`,
                overflow: 'hidden',
                whiteSpace: 'nowrap',
                borderRadius: 2,
                color: dark ? '#000' : '#fff',
                background: serviceColor(flame.service, dark),
                opacity: `${flame.service} ${flame.name}`.toLowerCase().includes(wanted) ? 1 : 0.25,
                outline:
                  flame.spanId === chosen
                    ? '2px solid currentColor'
                    : flame.errors > 0
                      ? '2px solid var(--bad)'
                      : undefined,
                outlineOffset: -2,
              }}
            >
              {flame.service}: {flame.name}
            </button>
          ))}
        </div>
      </Scroll>
    </div>
  );
}

function told({ service, name, spans, valueNs, selfNs, longestNs }: Flame, total: number): string {
  return [
    `${service}: ${name}`,
    `${plural(spans, 'span')}, the longest ${formatNs(longestNs)}`,
    `${formatNs(valueNs)} (${formatShare(valueNs / total)}), of its own ${formatNs(selfNs)}`,
  ].join('\n');
}
