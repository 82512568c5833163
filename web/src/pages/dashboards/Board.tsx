import { ActionIcon, Button, Group, Menu, Text, Tooltip } from '@mantine/core';
import { useIntersection } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import { type CSSProperties, useEffect, useId, useRef, useState } from 'react';
import { IconDots, IconGripVertical, IconHelp } from '../../lib/icons';
import { Body } from './Body';
import { byKey, COLUMNS, clamp, GAP_PX, type GridPlace, place, ROW_PX } from './layout';
import type { PanelSpec } from './model';
import { useBoard } from './times';
import { fillQuery, fillText } from './variables';

const HEADER_PX = 33;
const ROW = ROW_PX + GAP_PX;
/** Before a panel comes into sight. */
const AHEAD = '300px';

export interface Changes {
  set: (panels: PanelSpec[]) => void;
  edit: (panel: PanelSpec) => void;
  copy: (panel: PanelSpec) => void;
  remove: (panel: PanelSpec) => void;
}

/** The panels on their grid; with `changes` they are moved and resized by pointer and by keyboard. */
export function BoardGrid({ panels, changes }: { panels: PanelSpec[]; changes?: Changes }) {
  const grid = useRef<HTMLDivElement>(null);
  const [draft, setDraft] = useState<PanelSpec[] | null>(null);
  const [told, setTold] = useState('');
  const shown = draft ?? panels;
  const tell = (after: PanelSpec[], id: number) => {
    const found = after.find((panel) => panel.id === id);
    if (found) setTold(`${found.title || found.kind}: ${describe(found.grid)}`);
  };
  /** Follows a pointer from where it went down until it goes up; Escape gives up. */
  const drag = (event: React.PointerEvent, panel: PanelSpec, resizes: boolean) => {
    if (event.button !== 0 || !grid.current || !changes) return;
    event.preventDefault();
    const column = (grid.current.getBoundingClientRect().width + GAP_PX) / COLUMNS;
    const from = { x: event.clientX, y: event.clientY + window.scrollY };
    let latest = panels;
    const move = (now: PointerEvent) => {
      const dx = Math.round((now.clientX - from.x) / column);
      const dy = Math.round((now.clientY + window.scrollY - from.y) / ROW);
      const { x, y, w, h } = panel.grid;
      const wanted = resizes ? { x, y, w: Math.min(COLUMNS - x, w + dx), h: h + dy } : { x: x + dx, y: y + dy, w, h };
      latest = place(panels, panel.id, clamp(wanted));
      setDraft(latest);
    };
    const end = (save: boolean) => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', up);
      window.removeEventListener('pointercancel', cancel);
      window.removeEventListener('keydown', giveUp);
      setDraft(null);
      if (!save || latest === panels) return;
      changes.set(latest);
      tell(latest, panel.id);
    };
    const up = () => end(true);
    const cancel = () => end(false);
    const giveUp = (key: KeyboardEvent) => key.key === 'Escape' && end(false);
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', up);
    window.addEventListener('pointercancel', cancel);
    window.addEventListener('keydown', giveUp);
  };
  const press = (event: React.KeyboardEvent, panel: PanelSpec, resizes: boolean) => {
    const after = changes && byKey(panels, panel.id, event.key, resizes);
    if (!after) return;
    event.preventDefault();
    changes.set(after);
    tell(after, panel.id);
  };
  return (
    <div ref={grid} className="board" style={{ gridAutoRows: ROW_PX, gap: GAP_PX }}>
      {[...shown]
        .sort((a, b) => a.grid.y - b.grid.y || a.grid.x - b.grid.x)
        .map((panel) => (
          <OnePanel
            key={panel.id}
            panel={panel}
            changes={changes}
            handle={(resizes) => ({
              onPointerDown: (event: React.PointerEvent) => drag(event, panel, resizes),
              onKeyDown: (event: React.KeyboardEvent) => press(event, panel, resizes),
            })}
          />
        ))}
      <div className="visually-hidden" aria-live="polite">
        {told}
      </div>
    </div>
  );
}

function describe({ x, y, w, h }: GridPlace): string {
  return `column ${x + 1}, row ${y + 1}, ${w} columns wide, ${h} rows high`;
}

interface Handlers {
  onPointerDown: (event: React.PointerEvent) => void;
  onKeyDown: (event: React.KeyboardEvent) => void;
}

interface PanelProps {
  panel: PanelSpec;
  changes?: Changes;
  handle: (resizes: boolean) => Handlers;
}

function OnePanel({ panel, changes, handle }: PanelProps) {
  const { values } = useBoard();
  const id = useId();
  const { ref, entry } = useIntersection({ rootMargin: AHEAD });
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (entry?.isIntersecting) setSeen(true);
  }, [entry]);
  const title = fillText(panel.title, values);
  const { x, y, w, h } = panel.grid;
  const place = { '--x': x + 1, '--y': y + 1, '--w': w, '--h': h } as CSSProperties;
  const height = h * ROW - GAP_PX - HEADER_PX;
  const name = title || panel.kind.replace('_', ' ');
  return (
    // biome-ignore lint/a11y/useSemanticElements: a panel is no set of fields
    <div
      ref={ref}
      role="group"
      className={panel.kind === 'row' ? 'board-row' : 'panel board-panel'}
      style={place}
      aria-labelledby={title ? id : undefined}
      aria-label={title ? undefined : name}
    >
      <Group justify="space-between" px="xs" gap={4} wrap="nowrap" h={HEADER_PX - 1} className="board-head">
        <Group gap={4} wrap="nowrap" style={{ minWidth: 0 }}>
          {changes && (
            <ActionIcon
              {...handle(false)}
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`Move ${name}`}
              title="Drag, or use the arrow keys"
              style={{ cursor: 'grab', touchAction: 'none' }}
            >
              <IconGripVertical size={14} aria-hidden />
            </ActionIcon>
          )}
          {title && (
            <Text component="h2" id={id} fw={600} size="sm" m={0} className="cut">
              {title}
            </Text>
          )}
          {panel.description && (
            <Tooltip label={panel.description} multiline maw={360}>
              <ActionIcon variant="transparent" color="gray" size="xs" aria-label={`About ${name}`}>
                <IconHelp size={13} aria-hidden />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
        {changes ? <EditMenu panel={panel} name={name} changes={changes} /> : <ExploreLink panel={panel} name={name} />}
      </Group>
      {panel.kind !== 'row' && (
        <div className="board-body">
          <Body panel={panel} height={height} seen={seen} />
        </div>
      )}
      {changes && panel.kind !== 'row' && (
        <button
          type="button"
          className="board-resize"
          aria-label={`Resize ${name}`}
          title="Drag, or use the arrow keys"
          {...handle(true)}
        />
      )}
    </div>
  );
}

function EditMenu({ panel, name, changes }: { panel: PanelSpec; name: string; changes: Changes }) {
  return (
    <Group gap={2} wrap="nowrap">
      <Button size="compact-xs" variant="subtle" onClick={() => changes.edit(panel)} aria-label={`Edit ${name}`}>
        Edit
      </Button>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`More for ${name}`}>
            <IconDots size={14} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => changes.copy(panel)}>Duplicate</Menu.Item>
          <Menu.Item onClick={() => changes.remove(panel)}>Remove</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}

const PAGES = { promql: '/series', logql: '/logs', traceql: '/traces' } as const;

/** The panel's first query, on the page of its language. */
function ExploreLink({ panel, name }: { panel: PanelSpec; name: string }) {
  const { values, times } = useBoard();
  const query = panel.queries[0];
  if (!query || query.language === 'sql') return null;
  const texts = panel.queries
    .filter(({ language }) => language === query.language)
    .map(({ text, language }) => fillQuery(text, language, values, times).replace(/\s*\n\s*/g, ' '));
  const q = query.language === 'promql' ? texts.slice(0, 6).join('\n') : texts[0];
  return (
    <Link className="board-explore link" to={PAGES[query.language]} search={{ q }} aria-label={`Explore ${name}`}>
      Explore
    </Link>
  );
}
