import { ActionIcon, Box, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';
import { Attributes } from '../../components/Attributes';
import { Scroll } from '../../components/Scroll';
import { formatClock } from '../../lib/time';
import { useShell } from '../../shell/state';
import { isStreamLabel, LEVEL_COLORS, type Line, levelOf, parsedFields } from './lines';

interface Props {
  lines: Line[];
  /** Long lines are broken in place of cut. */
  wrap?: boolean;
  filter: (name: string, value: string, keep: boolean, isLabel: boolean) => void;
  height?: string;
}

/** Lines, newest first; one that is opened shows its fields. Only those in sight are in the document. */
export function LineList({ lines, wrap = false, filter, height = 'max(320px, calc(100vh - 400px))' }: Props) {
  const { utc } = useShell();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    getItemKey: (place) => lines[place]?.key ?? place,
    estimateSize: () => 22,
    overscan: 20,
    initialRect: { width: 1000, height: 600 },
  });
  const toggle = (key: string) => {
    const next = new Set(open);
    if (!next.delete(key)) next.add(key);
    setOpen(next);
  };
  return (
    <Scroll ref={scroller} label="Log lines" maxHeight={height}>
      <ul style={{ height: virtual.getTotalSize(), position: 'relative', margin: 0, padding: 0, listStyle: 'none' }}>
        {virtual.getVirtualItems().map(({ index, start, key }) => {
          const line = lines[index];
          if (!line) return null;
          const level = levelOf(line.labels);
          const opened = open.has(line.key);
          return (
            <li
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              style={{
                position: 'absolute',
                top: 0,
                left: 0,
                right: 0,
                transform: `translateY(${start}px)`,
                fontSize: 12,
                borderLeft: `3px solid ${LEVEL_COLORS[level] ?? 'var(--line)'}`,
              }}
            >
              <button
                type="button"
                className="bare mono"
                aria-expanded={opened}
                onClick={() => toggle(line.key)}
                style={{
                  display: 'block',
                  width: '100%',
                  boxSizing: 'border-box',
                  padding: '2px 8px',
                  ...(opened || wrap
                    ? { overflowWrap: 'anywhere', whiteSpace: opened ? 'pre-wrap' : 'normal' }
                    : { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
                }}
              >
                <span className="quiet">{formatClock(line.timeMs, utc)}</span>{' '}
                <b style={{ color: LEVEL_COLORS[level] }}>{(level || '–').slice(0, 5).padEnd(5, '\u00a0')}</b>{' '}
                <span className="quiet">{line.labels.service_name}</span> {line.text.slice(0, opened ? 100_000 : 2000)}
              </button>
              {opened && <Opened line={line} filter={filter} />}
            </li>
          );
        })}
      </ul>
    </Scroll>
  );
}

function Opened({ line, filter }: { line: Line } & Pick<Props, 'filter'>) {
  const trace = line.labels.trace_id;
  const fields = { ...line.labels, ...parsedFields(line.text) };
  return (
    <Box px="lg" pb="xs" style={{ background: 'var(--ground)' }}>
      <Group gap="sm" py={4}>
        {trace && (
          <Link
            className="link"
            to="/traces/$traceId"
            params={{ traceId: trace }}
            search={{ span: line.labels.span_id }}
          >
            Open its trace
          </Link>
        )}
        {line.labels.service_name && (
          <Link className="link" to="/services/$service" params={{ service: line.labels.service_name }}>
            Service {line.labels.service_name}
          </Link>
        )}
        <Link
          className="link"
          to="/logs"
          search={{
            q: `{service_name=${JSON.stringify(line.labels.service_name ?? '')}}`,
            from: String(line.timeMs - 30_000),
            to: String(line.timeMs + 30_000),
          }}
        >
          Lines around it
        </Link>
      </Group>
      <Attributes
        of={fields}
        action={(key, value) =>
          key in line.labels && (
            <Group gap={2} wrap="nowrap">
              <ActionIcon
                size={18}
                variant="default"
                aria-label={`Only lines with ${key} ${value.slice(0, 60)}`}
                onClick={() => filter(key, value, true, isStreamLabel(key))}
              >
                +
              </ActionIcon>
              <ActionIcon
                size={18}
                variant="default"
                aria-label={`No lines with ${key} ${value.slice(0, 60)}`}
                onClick={() => filter(key, value, false, isStreamLabel(key))}
              >
                −
              </ActionIcon>
            </Group>
          )
        }
      />
    </Box>
  );
}
