import { useComputedColorScheme } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type Row, type Span, visible } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { serviceColor } from '../../theme';

interface Props {
  rows: Row[];
  limits: { startNs: number; endNs: number };
  chosen: string | undefined;
  choose: (id: string) => void;
  onPath: Set<string>;
  find: string;
}

const HEIGHT = 24;
const DEEPEST_SHOWN = 30;

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
  const place = shown.findIndex(({ span }) => span.span_id === chosen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when another span is chosen
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: 'auto' });
  }, [chosen]);
  const total = limits.endNs - limits.startNs;
  const fold = (id: string) => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
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
            const { span } = row;
            const left = ((span.start_time_ns - limits.startNs) / total) * 100;
            const width = (Math.max(0, span.duration_ns) / total) * 100;
            const failed = span.status === 'error';
            const color = serviceColor(span.service, dark);
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
              // biome-ignore lint/a11y/useFocusableInteractive: the focus is the tree's, as aria-activedescendant says
              <div
                role="treeitem"
                id={`span-${span.span_id}`}
                key={`${index} ${span.span_id}`}
                aria-level={row.depth + 1}
                aria-selected={span.span_id === chosen}
                aria-expanded={row.children > 0 ? !folded.has(span.span_id) : undefined}
                onClick={() => choose(span.span_id)}
                style={{
                  position: 'absolute',
                  top: 0,
                  left: 0,
                  right: 0,
                  height: HEIGHT,
                  transform: `translateY(${start}px)`,
                  display: 'flex',
                  alignItems: 'center',
                  fontSize: 12,
                  cursor: 'pointer',
                  opacity: matches(span, find) ? 1 : 0.3,
                  background:
                    span.span_id === chosen ? 'color-mix(in srgb, var(--accent) 18%, transparent)' : undefined,
                }}
              >
                <div
                  style={{
                    width: '38%',
                    flex: 'none',
                    display: 'flex',
                    alignItems: 'center',
                    paddingLeft: 6 + Math.min(row.depth, DEEPEST_SHOWN) * 12,
                    minWidth: 0,
                  }}
                >
                  <span style={{ width: 16, flex: 'none' }}>
                    {row.children > 0 && (
                      <button
                        type="button"
                        tabIndex={-1}
                        aria-hidden
                        onClick={(event) => {
                          event.stopPropagation();
                          fold(span.span_id);
                        }}
                        style={{ all: 'unset', cursor: 'pointer', width: 16 }}
                      >
                        {folded.has(span.span_id) ? '▸' : '▾'}
                      </button>
                    )}
                  </span>
                  <span
                    aria-hidden
                    style={{ width: 8, height: 8, borderRadius: 2, background: color, flex: 'none', marginRight: 6 }}
                  />
                  <span className="cut">
                    {failed && (
                      <b aria-hidden style={{ color: 'var(--bad)' }}>
                        ✗{' '}
                      </b>
                    )}
                    {row.orphan && (
                      <span aria-hidden title="Its parent was not received">
                        ⌁{' '}
                      </span>
                    )}
                    <b>{span.service}</b> {span.name}
                    {failed && <span className="visually-hidden">, failed</span>}
                  </span>
                </div>
                <div
                  style={{
                    position: 'relative',
                    flex: 1,
                    height: '100%',
                    borderLeft: '1px solid var(--line)',
                    overflow: 'hidden',
                  }}
                >
                  <div
                    style={{
                      position: 'absolute',
                      left: `${left}%`,
                      width: `max(2px, ${width}%)`,
                      top: 6,
                      height: 12,
                      borderRadius: 2,
                      background: color,
                      outline: failed ? '1.5px solid var(--bad)' : undefined,
                    }}
                  />
                  {onPath.has(span.span_id) && (
                    <div
                      aria-hidden
                      style={{
                        position: 'absolute',
                        left: `${left}%`,
                        width: `max(2px, ${width}%)`,
                        top: 19,
                        height: 2,
                        background: 'var(--warn)',
                      }}
                    />
                  )}
                  <span className="nowrap" style={{ position: 'absolute', top: 3, ...besideBar(left, width, dark) }}>
                    {formatNs(span.duration_ns)}
                  </span>
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Where a bar's duration has room: behind it, before it, or else in it. */
function besideBar(left: number, width: number, dark: boolean): React.CSSProperties {
  if (left + width < 80) return { left: `calc(${left + width}% + 6px)`, color: 'var(--quiet)' };
  if (left > 20) return { right: `calc(${100 - left}% + 6px)`, color: 'var(--quiet)' };
  return { right: `calc(${Math.max(0, 100 - left - width)}% + 6px)`, color: dark ? '#000' : '#fff' };
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
