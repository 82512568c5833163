import { useComputedColorScheme } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type Row, type Span, visible } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { SpanRow } from './SpanRow';

interface Props {
  rows: Row[];
  limits: { startNs: number; endNs: number };
  chosen: string | undefined;
  choose: (id: string) => void;
  onPath: Set<string>;
  find: string;
}

const HEIGHT = 24;

/** Whether a span has the text in its name, service or attributes. */
export function matches(span: Span, wanted: string): boolean {
  if (!wanted) return true;
  const text = wanted.toLowerCase();
  if (`${span.service} ${span.name} ${span.status_message} ${span.span_id}`.toLowerCase().includes(text)) return true;
  return JSON.stringify(span.attributes).toLowerCase().includes(text);
}

/** Spans as bars over time; only those in sight are in the document. Arrows walk, left and right fold and unfold. */
export function Waterfall({ rows, limits, chosen, choose, onPath, find }: Props) {
  const dark = useComputedColorScheme('light') === 'dark';
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => visible(rows, folded), [rows, folded]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => HEIGHT,
    overscan: 15,
    initialRect: { width: 1000, height: 600 },
  });
  const place = useMemo(() => (chosen ? shown.findIndex(({ span }) => span.span_id === chosen) : -1), [shown, chosen]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when another span is chosen
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: 'auto' });
  }, [chosen]);
  const total = limits.endNs - limits.startNs;
  const fold = useCallback((id: string) => {
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  // The page makes a new function each time; the rows keep theirs.
  const latest = useRef(choose);
  latest.current = choose;
  const chooseRow = useCallback((id: string) => latest.current(id), []);
  const press = (event: React.KeyboardEvent) => {
    const row = shown[place];
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const next = shown[Math.max(0, Math.min(shown.length - 1, place + (event.key === 'ArrowDown' ? 1 : -1)))];
      if (next && next.span.span_id !== chosen) choose(next.span.span_id);
    } else if (row && row.children > 0 && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      event.preventDefault();
      if (folded.has(row.span.span_id) === (event.key === 'ArrowRight')) fold(row.span.span_id);
    }
  };
  return (
    <div className="panel" style={{ minWidth: 0 }}>
      <Ruler total={total} />
      <div
        ref={scroller}
        role="tree"
        aria-label="Spans of the trace"
        aria-activedescendant={place >= 0 ? `span-${chosen}` : undefined}
        tabIndex={0}
        onKeyDown={press}
        style={{ overflow: 'auto', height: `min(${shown.length * HEIGHT + 4}px, calc(100vh - 270px))`, minHeight: 120 }}
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = shown[index];
            if (!row) return null;
            return (
              <SpanRow
                key={`${index} ${row.span.span_id}`}
                {...{ row, start, limits, dark, fold }}
                choose={chooseRow}
                height={HEIGHT}
                chosen={row.span.span_id === chosen}
                folded={folded.has(row.span.span_id)}
                onPath={onPath.has(row.span.span_id)}
                faint={!matches(row.span, find)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Ruler({ total }: { total: number }) {
  return (
    <div
      aria-hidden
      style={{ display: 'flex', borderBottom: '1px solid var(--line)', fontSize: 11, height: 22, alignItems: 'center' }}
    >
      <div style={{ width: '38%', flex: 'none', paddingLeft: 8 }} className="quiet cut">
        Service and operation · <span style={{ color: 'var(--warn)' }}>▁</span> on the critical path
      </div>
      <div style={{ flex: 1, display: 'flex', justifyContent: 'space-between', paddingRight: 4 }} className="quiet">
        {[0, 0.25, 0.5, 0.75, 1].map((place) => (
          <span key={place}>{formatNs(total * place)}</span>
        ))}
      </div>
    </div>
  );
}
