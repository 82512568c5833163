import { memo } from 'react';
import type { Row } from '../../lib/trace';
import { formatNs } from '../../lib/units';
import { serviceColor } from '../../theme';

const DEEPEST_SHOWN = 30;

interface Props {
  row: Row;
  /** Pixels from the top. */
  start: number;
  height: number;
  limits: { startNs: number; endNs: number };
  dark: boolean;
  chosen: boolean;
  folded: boolean;
  onPath: boolean;
  faint: boolean;
  choose: (id: string) => void;
  fold: (id: string) => void;
}

/** A span as a bar; drawn again only when it changes, so that fifty thousand of them scroll. */
export const SpanRow = memo(function SpanRow(props: Props) {
  const { row, start, height, limits, dark, chosen, folded, onPath, faint, choose, fold } = props;
  const { span } = row;
  const total = limits.endNs - limits.startNs;
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
      aria-level={row.depth + 1}
      aria-selected={chosen}
      aria-expanded={row.children > 0 ? !folded : undefined}
      onClick={() => choose(span.span_id)}
      style={{
        position: 'absolute',
        top: 0,
        left: 0,
        right: 0,
        height,
        transform: `translateY(${start}px)`,
        display: 'flex',
        alignItems: 'center',
        fontSize: 12,
        cursor: 'pointer',
        opacity: faint ? 0.3 : 1,
        background: chosen ? 'color-mix(in srgb, var(--accent) 18%, transparent)' : undefined,
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
              {folded ? '▸' : '▾'}
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
        {onPath && (
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
});

/** Where a bar's duration has room: behind it, before it, or else in it. */
function besideBar(left: number, width: number, dark: boolean): React.CSSProperties {
  if (left + width < 80) return { left: `calc(${left + width}% + 6px)`, color: 'var(--quiet)' };
  if (left > 20) return { right: `calc(${100 - left}% + 6px)`, color: 'var(--quiet)' };
  return { right: `calc(${Math.max(0, 100 - left - width)}% + 6px)`, color: dark ? '#000' : '#fff' };
}
