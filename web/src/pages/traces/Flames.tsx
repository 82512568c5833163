import { Button, Group, Text, useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { type Flame, flames, step, wideFlames } from '../../lib/flames';
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
  const roots = useMemo(() => flames(rows), [rows]);
  const [focus, setFocus] = useState<Flame | null>(null);
  const shown = useMemo(() => {
    const of = focus ? [focus] : roots;
    const total = of.reduce((sum, { valueNs }) => sum + valueNs, 0) || 1;
    return { total, from: of[0]?.fromNs ?? 0, top: focus?.depth ?? 0, all: wideFlames(of, total * NARROWEST, MOST) };
  }, [roots, focus]);
  const [walked, setWalked] = useState<Flame | null>(null);
  const at = walked && shown.all.includes(walked) ? walked : shown.all[0];
  const atId = at && `flame-${at.id}`;
  useEffect(() => {
    if (walked) document.getElementById(`flame-${walked.id}`)?.scrollIntoView({ block: 'nearest' });
  }, [walked]);
  const look = (flame: Flame) => setFocus(flame.depth === 0 ? null : flame);
  const take = (flame: Flame) => {
    look(flame);
    setWalked(flame);
    if (flame.spanId !== chosen) choose(flame.spanId);
  };
  const press = (event: React.KeyboardEvent) => {
    if (!at) return;
    if (event.key === 'Enter' || event.key === ' ') take(at);
    else if (event.key === 'Escape' && focus) setFocus(null);
    else if (event.key.startsWith('Arrow')) {
      const next = step(shown.all, at, event.key);
      if (next && !shown.all.includes(next)) look(next); // above what is looked at
      if (next) setWalked(next);
    } else return;
    event.preventDefault();
  };
  const deepest = shown.all.reduce((depth, flame) => Math.max(depth, flame.depth), shown.top) - shown.top;
  return (
    <div style={{ minWidth: 0 }}>
      <Group gap="xs" mb={4} mih={22} wrap="nowrap">
        {focus && (
          <Button variant="default" size="compact-xs" style={{ flex: 'none' }} onClick={() => setFocus(null)}>
            The whole trace
          </Button>
        )}
        <Text size="xs" className="quiet cut">
          {walked && at
            ? told(at, shown.total).join(' · ')
            : 'Arrows walk, Enter looks closer, Escape shows the whole trace.'}
        </Text>
      </Group>
      <div
        className="panel flames"
        role="tree"
        aria-label="Flame graph; the same as a table: Statistics"
        aria-activedescendant={atId}
        tabIndex={0}
        onKeyDown={press}
        style={{ overflow: 'auto', maxHeight: 'calc(100vh - 250px)' }}
      >
        <div style={{ position: 'relative', height: (deepest + 1) * HEIGHT + 8, margin: '0 4px' }}>
          {shown.all.map((flame) => (
            <Frame
              key={flame.id}
              {...{ flame, shown, take }}
              at={flame === at}
              chosen={flame.spanId === chosen}
              faint={!`${flame.service} ${flame.name}`.toLowerCase().includes(find.toLowerCase())}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface FrameProps {
  flame: Flame;
  shown: { total: number; from: number; top: number };
  take: (flame: Flame) => void;
  at: boolean;
  chosen: boolean;
  faint: boolean;
}

function Frame({ flame, shown: { total, from, top }, take, at, chosen, faint }: FrameProps) {
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the tree
    <div
      id={`flame-${flame.id}`}
      role="treeitem"
      aria-level={flame.depth + 1}
      aria-selected={chosen}
      title={told(flame, total).join('\n')}
      onClick={() => take(flame)}
      className={['flame cut', at && 'at', chosen && 'chosen', flame.errors > 0 && 'failed'].filter(Boolean).join(' ')}
      style={{
        left: `${((flame.fromNs - from) / total) * 100}%`,
        width: `calc(${(flame.valueNs / total) * 100}% - 1px)`,
        top: (flame.depth - top) * HEIGHT + 4,
        height: HEIGHT - 2,
        lineHeight: `${HEIGHT - 2}px`,
        color: dark ? '#000' : '#fff',
        background: serviceColor(flame.service, dark),
        opacity: faint ? 0.25 : 1,
      }}
    >
      {flame.service}: {flame.name}
    </div>
  );
}

function told({ service, name, spans, valueNs, selfNs, longestNs }: Flame, total: number): string[] {
  return [
    `${service}: ${name}`,
    `${plural(spans, 'span')}, the longest ${formatNs(longestNs)}`,
    `${formatNs(valueNs)} (${formatShare(valueNs / total)}), of its own ${formatNs(selfNs)}`,
  ];
}
