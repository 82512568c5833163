import { useEffect, useMemo, useState } from 'react';
import type { Place } from './layout';
import type { MapAnswer } from './MapPage';

/** Laid out in a worker, again only when nodes or edges come or go: figures alone move nothing. */
export function useLayout(map: MapAnswer): Map<string, Place> | null {
  const [places, setPlaces] = useState<Map<string, Place> | null>(null);
  const shape = useMemo(
    () =>
      [...map.nodes.map(({ id }) => id), ...map.edges.map((edge) => `${edge.source} ${edge.target}`)].sort().join('\n'),
    [map],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the map
  useEffect(() => {
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    const start = performance.now();
    worker.onmessage = (event: MessageEvent<Place[]>) => {
      performance.measure('map layout', { start });
      setPlaces(new Map(event.data.map((place) => [place.id, place])));
    };
    worker.postMessage({
      ids: map.nodes.map(({ id }) => id),
      edges: map.edges.map(({ source, target }) => ({ source, target })),
    });
    return () => worker.terminate();
  }, [shape]);
  return places;
}
