import { ActionIcon, Box, Group, Loader } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Canvas } from './Canvas';
import { Card } from './Card';
import type { Differences } from './differences';
import { Legend } from './Legend';
import { type Node, neighbours } from './looks';
import type { MapAnswer } from './MapPage';
import { Picture } from './Picture';
import { useLayout } from './useLayout';
import { useZoom } from './useZoom';

/** So many nodes are drawn as elements, which assistive technology reads; more of them on a canvas. */
const MOST_ELEMENTS = 150;

interface Props {
  map: MapAnswer;
  find: string;
  focus: string;
  differences: Differences | null;
  onFocus: (name: string) => void;
  onEdge: (source: string, target: string) => void;
}

/** What both ways to draw are given. */
export interface Drawn {
  map: MapAnswer;
  places: Map<string, { x: number; y: number }>;
  transform: { x: number; y: number; k: number; toString: () => string };
  differences: Differences | null;
  chosen: string | null;
  focus: string;
  isFaint: (node: Node) => boolean;
  onChoose: (id: string | null) => void;
  onFocus: (node: Node) => void;
  onEdge: (source: string, target: string) => void;
}

/** The map as a picture: zoomed by wheel or buttons, nodes reached by keyboard, chosen by Enter or a click. */
export function Drawing({ map, find, focus, differences, onFocus, onEdge }: Props) {
  const places = useLayout(map);
  const { ref, transform, fit, step } = useZoom(places);
  const [chosen, setChosen] = useState<string | null>(null);
  const near = useMemo(() => neighbours(map, chosen), [map, chosen]);
  const wanted = find.toLowerCase();
  const node = map.nodes.find(({ id }) => id === chosen);
  const focusOn = (of: Node) => {
    if (of.type === 'service' || of.type === 'group') onFocus(of.type === 'service' ? of.name : of.id);
  };
  const Way = map.nodes.length > MOST_ELEMENTS ? Canvas : Picture;
  return (
    <Box pos="relative" h="100%" ref={ref}>
      {places ? (
        <Way
          {...{ map, places, transform, differences, focus, onEdge }}
          chosen={node ? chosen : null}
          isFaint={({ id, name, members }) =>
            (wanted !== '' && ![name, ...members].some((each) => each.toLowerCase().includes(wanted))) ||
            (near !== null && !near.has(id))
          }
          onChoose={setChosen}
          onFocus={focusOn}
        />
      ) : (
        <Group justify="center" pos="absolute" inset={0} aria-busy="true">
          <Loader size="sm" aria-label="Arranging the map" />
        </Group>
      )}
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
      {differences && <Legend differences={differences} />}
      {node && <Card {...{ node, map, onEdge }} difference={differences?.nodes.get(node.id)} onFocus={focusOn} />}
    </Box>
  );
}
