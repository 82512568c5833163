import { ActionIcon, Box, Group, Loader, Paper, Text } from '@mantine/core';
import { select } from 'd3-selection';
import { type ZoomBehavior, zoom, zoomIdentity } from 'd3-zoom';
import { useEffect, useMemo, useRef, useState } from 'react';
import { HealthMark } from '../../components/HealthMark';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { NodeLink } from '../services/ServicePage';
import type { Place } from './layout';
import type { MapAnswer } from './MapPage';

type Node = MapAnswer['nodes'][number];

const COLORS: Record<string, string> = {
  healthy: 'var(--good)',
  degraded: 'var(--warn)',
  failing: 'var(--bad)',
  idle: 'var(--quiet)',
};
const SHAPES: Record<string, string> = {
  service: 'M-14,0a14,14 0 1,0 28,0a14,14 0 1,0 -28,0',
  database: 'M-13,-9a13,5 0 1,1 26,0v18a13,5 0 1,1 -26,0z',
  queue: 'M-15,-9h30v18h-30z',
  external: 'M0,-16L15,0L0,16L-15,0z',
  user: 'M-10,12a10,12 0 0,1 20,0zM0,-3a6,6 0 1,1 0.01,0z',
};

interface Props {
  map: MapAnswer;
  find: string;
  focus: string;
  onFocus: (name: string) => void;
}

/** The map as a picture: zoomed by wheel or buttons, nodes reached by Tab, opened by Enter or a click. */
export function Drawing({ map, find, focus, onFocus }: Props) {
  const places = useLayout(map);
  const [chosen, setChosen] = useState<string | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const zoomed = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const [transform, setTransform] = useState('translate(0,0)');

  useEffect(() => {
    if (!svg.current) return;
    const behavior = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.1, 4])
      .on('zoom', (event) => setTransform(event.transform.toString()));
    zoomed.current = behavior;
    select(svg.current).call(behavior).on('dblclick.zoom', null);
  }, []);
  const fit = () => {
    if (!svg.current || !zoomed.current || !places || places.size === 0) return;
    const all = [...places.values()];
    const [left, right] = [Math.min(...all.map(({ x }) => x)) - 60, Math.max(...all.map(({ x }) => x)) + 120];
    const [top, bottom] = [Math.min(...all.map(({ y }) => y)) - 50, Math.max(...all.map(({ y }) => y)) + 60];
    const { width, height } = svg.current.getBoundingClientRect();
    const scale = Math.min(width / (right - left), height / (bottom - top), 1.4);
    const moved = zoomIdentity
      .translate((width - scale * (left + right)) / 2, (height - scale * (top + bottom)) / 2)
      .scale(scale);
    zoomed.current.transform(select(svg.current), moved);
  };
  useEffect(fit, [places]);
  const step = (by: number) => svg.current && zoomed.current?.scaleBy(select(svg.current), by);

  const near = useMemo(() => neighbours(map, chosen), [map, chosen]);
  const busiest = Math.max(...map.edges.map(({ rate_per_s }) => rate_per_s), 1e-9);
  const wanted = find.toLowerCase();
  const faint = (id: string, name: string) =>
    (wanted !== '' && !name.toLowerCase().includes(wanted)) || (near !== null && !near.has(id));
  const node = map.nodes.find(({ id }) => id === chosen);
  return (
    <Box pos="relative" h="100%">
      {!places && (
        <Group justify="center" pos="absolute" inset={0} aria-busy="true">
          <Loader size="sm" aria-label="Arranging the map" />
        </Group>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset */}
      <svg
        ref={svg}
        width="100%"
        height="100%"
        role="group"
        aria-label={`Map of ${map.nodes.length} nodes; the same as a table: button Table`}
        style={{ cursor: 'grab', display: 'block' }}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
            markerUnits="userSpaceOnUse"
          >
            <path d="M0,0L8,4L0,8z" fill="var(--quiet)" />
          </marker>
        </defs>
        <g transform={transform}>
          {places &&
            map.edges.map((edge) => {
              const [from, to] = [places.get(edge.source), places.get(edge.target)];
              if (!from || !to) return null;
              const dim = near !== null && chosen !== edge.source && chosen !== edge.target;
              return (
                <path
                  key={`${edge.source} ${edge.target} ${edge.kind}`}
                  d={curve(from, to)}
                  fill="none"
                  stroke={edge.health === 'healthy' ? 'var(--quiet)' : COLORS[edge.health]}
                  strokeWidth={1 + 4 * Math.sqrt(edge.rate_per_s / busiest)}
                  strokeDasharray={
                    edge.kind === 'messaging' || edge.kind === 'publish' || edge.kind === 'consume' ? '6 4' : undefined
                  }
                  opacity={dim ? 0.08 : 0.55}
                  markerEnd="url(#arrow)"
                >
                  <title>{`${edge.source} → ${edge.target}: ${formatRate(edge.rate_per_s)}, errors ${formatShare(edge.error_ratio)}, p95 ${formatMs(edge.p95_ms)}`}</title>
                </path>
              );
            })}
          {places &&
            map.nodes.map((each) => {
              const at = places.get(each.id);
              if (!at) return null;
              const shown = each.name.length > 26 ? `${each.name.slice(0, 25)}…` : each.name;
              return (
                // biome-ignore lint/a11y/useSemanticElements: SVG has no buttons
                <g
                  key={each.id}
                  transform={`translate(${at.x},${at.y})`}
                  role="button"
                  tabIndex={0}
                  aria-label={`${shown === each.name ? shown : `${shown} (${each.name})`}, ${each.type}, ${each.health}, ${formatRate(each.rate_per_s)}`}
                  aria-pressed={chosen === each.id}
                  opacity={faint(each.id, each.name) ? 0.18 : 1}
                  style={{ cursor: 'pointer' }}
                  onClick={() => setChosen(chosen === each.id ? null : each.id)}
                  onDoubleClick={() => each.type === 'service' && onFocus(each.name)}
                  onKeyDown={(event) => {
                    if (event.key === 'Enter' || event.key === ' ') setChosen(chosen === each.id ? null : each.id);
                  }}
                >
                  <path
                    d={SHAPES[each.type] ?? SHAPES.service}
                    fill="var(--panel)"
                    stroke={COLORS[each.health]}
                    strokeWidth={chosen === each.id || focus === each.name ? 5 : 2.5}
                  />
                  {each.health === 'failing' && <path d="M-4,-4L4,4M-4,4L4,-4" stroke="var(--bad)" strokeWidth={2} />}
                  {each.health === 'degraded' && <path d="M0,-6v7M0,4v2" stroke="var(--warn)" strokeWidth={2.5} />}
                  <text y={28} textAnchor="middle" fontSize={11} fill="currentColor">
                    {shown}
                  </text>
                </g>
              );
            })}
        </g>
      </svg>
      <Group pos="absolute" right={8} top={8} gap={4}>
        <ActionIcon variant="default" onClick={() => step(1.3)} aria-label="Closer">
          +
        </ActionIcon>
        <ActionIcon variant="default" onClick={() => step(1 / 1.3)} aria-label="Farther">
          −
        </ActionIcon>
        <ActionIcon variant="default" onClick={fit} aria-label="The whole map">
          ⤢
        </ActionIcon>
      </Group>
      {node && <Card node={node} onFocus={onFocus} />}
    </Box>
  );
}

/** The figures of the node that was chosen. */
function Card({ node, onFocus }: { node: Node; onFocus: (name: string) => void }) {
  return (
    <Paper withBorder shadow="sm" p="sm" pos="absolute" left={8} bottom={8} maw={300} role="status">
      <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
        <NodeLink id={node.id} />
      </Text>
      <Text size="xs">
        <HealthMark health={node.health} label />
      </Text>
      <Text size="xs" className="quiet">
        {formatRate(node.rate_per_s)} · errors {formatShare(node.error_ratio)} · p50 {formatMs(node.p50_ms)} · p95{' '}
        {formatMs(node.p95_ms)} · p99 {formatMs(node.p99_ms)}
      </Text>
      {node.type === 'service' && (
        <Text
          component="button"
          size="xs"
          c="indigo"
          style={{ all: 'unset', cursor: 'pointer', textDecoration: 'underline', fontSize: 12 }}
          onClick={() => onFocus(node.name)}
        >
          Only what is around it
        </Text>
      )}
    </Paper>
  );
}

/** The node and those that it has calls with; null: nothing was chosen. */
function neighbours(map: MapAnswer, chosen: string | null): Set<string> | null {
  if (chosen === null) return null;
  const found = new Set([chosen]);
  for (const { source, target } of map.edges) {
    if (source === chosen) found.add(target);
    if (target === chosen) found.add(source);
  }
  return found;
}

function curve(from: Place, to: Place): string {
  if (from.id === to.id) return `M${from.x - 8},${from.y - 14}c-20,-40 36,-40 16,0`;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const [x1, y1, x2, y2] = [from.x + ux * 17, from.y + uy * 17, to.x - ux * 19, to.y - uy * 19];
  const bend = dx < 0 ? 0.22 : 0.06;
  const [mx, my] = [(x1 + x2) / 2 - dy * bend, (y1 + y2) / 2 + dx * bend];
  return `M${x1.toFixed(1)},${y1.toFixed(1)}Q${mx.toFixed(1)},${my.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`;
}

/** Laid out in a worker, again only when nodes or edges come or go: figures alone move nothing. */
function useLayout(map: MapAnswer): Map<string, Place> | null {
  const [places, setPlaces] = useState<Map<string, Place> | null>(null);
  const shape = useMemo(
    () =>
      [...map.nodes.map(({ id }) => id), ...map.edges.map((edge) => `${edge.source} ${edge.target}`)].sort().join('\n'),
    [map],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the map
  useEffect(() => {
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<Place[]>) =>
      setPlaces(new Map(event.data.map((place) => [place.id, place])));
    worker.postMessage({
      ids: map.nodes.map(({ id }) => id),
      edges: map.edges.map(({ source, target }) => ({ source, target })),
    });
    return () => worker.terminate();
  }, [shape]);
  return places;
}
