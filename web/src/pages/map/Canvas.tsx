import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { formatRate } from '../../lib/units';
import type { Drawn } from './Drawing';
import { nextInDirection } from './looks';
import { paint } from './paint';

const REACH = 18; // of a click, in the map's own units
const STILL = 4; // a press that moved farther was a drag

/** The map on a canvas: any number of nodes; walked by arrow keys, and told as it is walked. */
export function Canvas(drawn: Drawn) {
  const { map, places, transform, chosen, onChoose, onFocus } = drawn;
  const { ref: box, width, height } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const pressed = useRef({ x: 0, y: 0 });
  const scheme = useComputedColorScheme('light');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours
  useEffect(() => {
    if (!canvas.current || !width) return;
    const frame = requestAnimationFrame(() => canvas.current && paint(canvas.current, drawn, { width, height }));
    return () => cancelAnimationFrame(frame);
  }, [drawn, width, height, scheme]);

  const at = (event: React.MouseEvent) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - left - transform.x, event.clientY - top - transform.y].map((v) => v / transform.k);
    const near = map.nodes
      .map((node) => ({ node, place: places.get(node.id) }))
      .map(({ node, place }) => ({ node, far: place ? Math.hypot(place.x - (x ?? 0), place.y - (y ?? 0)) : Infinity }))
      .reduce((best, each) => (each.far < best.far ? each : best));
    return near.far <= Math.max(REACH, 8 / transform.k) ? near.node : undefined;
  };
  const walk = (event: React.KeyboardEvent) => {
    const first = map.nodes[0]?.id ?? null;
    const node = map.nodes.find(({ id }) => id === chosen);
    if (event.key === 'Enter' && node) onFocus(node);
    else if (event.key === 'Escape') onChoose(null);
    else if (event.key.startsWith('Arrow'))
      onChoose(chosen === null ? first : (nextInDirection(places, chosen, event.key) ?? chosen));
    else return;
    event.preventDefault();
  };
  const node = map.nodes.find(({ id }) => id === chosen);
  return (
    <div
      ref={box}
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is walked by keys
      tabIndex={0}
      aria-label={`Map of ${map.nodes.length} nodes: walk it by arrow keys, Enter shows what is around; the same as a table: button Table`}
      style={{ position: 'absolute', inset: 0, cursor: 'grab' }}
      onPointerDown={({ clientX, clientY }) => {
        pressed.current = { x: clientX, y: clientY };
      }}
      onClick={(event) => {
        const moved = Math.hypot(event.clientX - pressed.current.x, event.clientY - pressed.current.y);
        if (moved <= STILL) onChoose(at(event)?.id ?? null);
      }}
      onDoubleClick={(event) => {
        const found = at(event);
        if (found) onFocus(found);
      }}
      onKeyDown={walk}
    >
      <canvas ref={canvas} aria-hidden style={{ width, height, display: 'block' }} />
      <span className="visually-hidden" role="status">
        {node && `${node.name.slice(0, 300)}, ${node.type}, ${node.health}, ${formatRate(node.rate_per_s)}`}
      </span>
    </div>
  );
}
