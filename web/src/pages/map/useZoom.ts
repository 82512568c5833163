import { select } from 'd3-selection';
import { type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Point } from './looks';

const MARGIN = { left: 60, right: 120, top: 50, bottom: 60 };
const LARGEST = 1.4;

interface Zoom {
  ref: (element: HTMLElement | null) => void;
  transform: ZoomTransform;
  /** The whole map in sight. */
  fit: () => void;
  step: (by: number) => void;
}

/** Wheel, pinch and drag over an element, and the map fitted into it whenever it is arranged anew. */
export function useZoom(places: Map<string, Point> | null): Zoom {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [transform, setTransform] = useState(zoomIdentity);
  const behavior = useRef<ZoomBehavior<HTMLElement, unknown> | null>(null);
  useEffect(() => {
    if (!element) return;
    const made = zoom<HTMLElement, unknown>()
      .scaleExtent([0.05, 4])
      .on('zoom', (event) => setTransform(event.transform));
    behavior.current = made;
    select(element).call(made).on('dblclick.zoom', null);
  }, [element]);
  const fit = useCallback(() => {
    if (!element || !behavior.current || !places || places.size === 0) return;
    const all = [...places.values()];
    const [left, right] = [Math.min(...all.map(({ x }) => x)), Math.max(...all.map(({ x }) => x))];
    const [top, bottom] = [Math.min(...all.map(({ y }) => y)), Math.max(...all.map(({ y }) => y))];
    const { width, height } = element.getBoundingClientRect();
    const [wide, high] = [right - left + MARGIN.left + MARGIN.right, bottom - top + MARGIN.top + MARGIN.bottom];
    const scale = Math.min(width / wide, height / high, LARGEST);
    const [x, y] = [left + right + MARGIN.right - MARGIN.left, top + bottom + MARGIN.bottom - MARGIN.top];
    const moved = zoomIdentity.translate((width - scale * x) / 2, (height - scale * y) / 2).scale(scale);
    behavior.current.transform(select(element), moved);
  }, [element, places]);
  useEffect(fit, [fit]);
  const step = (by: number) => element && behavior.current?.scaleBy(select(element), by);
  return { ref: setElement, transform, fit, step };
}
