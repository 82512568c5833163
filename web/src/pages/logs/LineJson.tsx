import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { Scroll } from '../../components/Scroll';
import { type Line, recordOf } from './lines';

/** Each line with all its fields, as JSON. */
export function LineJson({ lines }: { lines: Line[] }) {
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    getItemKey: (place) => lines[place]?.key ?? place,
    estimateSize: () => 200,
    overscan: 6,
    initialRect: { width: 1000, height: 600 },
  });
  return (
    <Scroll ref={scroller} label="Log lines as JSON" maxHeight="max(320px, calc(100vh - 400px))">
      <ul style={{ height: virtual.getTotalSize(), position: 'relative', margin: 0, padding: 0, listStyle: 'none' }}>
        {virtual.getVirtualItems().map(({ index, start, key }) => {
          const line = lines[index];
          return (
            line && (
              <li
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                className="mono"
                style={{
                  position: 'absolute',
                  top: 0,
                  left: 0,
                  right: 0,
                  transform: `translateY(${start}px)`,
                  padding: '4px 10px',
                  fontSize: 12,
                  whiteSpace: 'pre-wrap',
                  overflowWrap: 'anywhere',
                  borderBottom: '1px solid var(--line)',
                }}
              >
                {JSON.stringify(recordOf(line), null, 2)}
              </li>
            )
          );
        })}
      </ul>
    </Scroll>
  );
}
