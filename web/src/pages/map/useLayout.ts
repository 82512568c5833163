import { useEffect, useMemo, useState } from 'react';
import type { Place } from './layout';
import type { MapAnswer } from './MapPage';

/** The last map that was laid out: who comes back to it, finds it as it was. */
let last: { shape: string; places: Map<string, Place> } | null = null;

/** Laid out in a worker, again only when nodes or edges come or go: figures alone move nothing. */
export function useLayout(map: MapAnswer): Map<string, Place> | null {
  const shape = useMemo(
    () =>
      [...map.nodes.map(({ id }) => id), ...map.edges.map((edge) => `${edge.source} ${edge.target}`)].sort().join('\n'),
    [map],
  );
  const [places, setPlaces] = useState(last?.shape === shape ? last.places : null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the map
  useEffect(() => {
    if (last?.shape === shape) {
      setPlaces(last.places);
      return;
    }
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    const start = performance.now();
    worker.onmessage = (event: MessageEvent<Place[]>) => {
      performance.measure('map layout', { start });
      last = { shape, places: new Map(event.data.map((place) => [place.id, place])) };
      setPlaces(last.places);
    };
    worker.postMessage({
      ids: map.nodes.map(({ id }) => id),
      edges: map.edges.map(({ source, target }) => ({ source, target })),
    });
    return () => worker.terminate();
  }, [shape]);
  return places;
}
