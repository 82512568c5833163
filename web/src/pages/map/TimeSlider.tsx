import { Button, Group, Slider, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { formatTime, type Span } from '../../lib/time';
import { useShell } from '../../shell/state';

const STEPS = 24;
const SHORTEST_S = 60;

/** The part of the range that begins at `at`: how long it is, and which of all it is. */
export function partOf({ startMs, endMs }: Span, at: number | null): { lengthS: number; place: number | null } {
  const lengthS = Math.max(SHORTEST_S, Math.round((endMs - startMs) / 1000 / STEPS));
  if (at === null) return { lengthS, place: null };
  const last = Math.max(0, Math.ceil((endMs - startMs) / 1000 / lengthS) - 1);
  return { lengthS, place: Math.min(last, Math.max(0, Math.round((at - startMs / 1000) / lengthS))) };
}

interface Props {
  span: Span;
  /** Unix seconds at which the part begins that is shown; null: the whole range. */
  at: number | null;
  onChange: (at: number | null) => void;
}

/** Moves a window of a 24th of the range through it: what the map looked like then. */
export function TimeSlider({ span, at, onChange }: Props) {
  const { utc } = useShell();
  const { lengthS, place } = partOf(span, at);
  const parts = Math.max(1, Math.ceil((span.endMs - span.startMs) / 1000 / lengthS));
  const [held, setHeld] = useState(place ?? parts - 1);
  useEffect(() => setHeld(place ?? parts - 1), [place, parts]);
  const startOf = (which: number) => Math.round(span.startMs / 1000) + which * lengthS;
  const clock = (which: number) => formatTime(startOf(which) * 1000, utc).slice(5, 16);
  return (
    <Group gap="sm" wrap="nowrap" style={{ flex: '1 1 320px', minWidth: 0 }}>
      <Text size="xs" className="quiet nowrap" w={150} role="status">
        {at === null ? 'The whole range' : `${clock(held)}, ${Math.round(lengthS / 60)} min`}
      </Text>
      <Slider
        style={{ flex: 1, minWidth: 80 }}
        size="sm"
        thumbLabel="Time of the map"
        min={0}
        max={parts - 1}
        value={held}
        label={clock}
        thumbProps={{ 'aria-valuetext': at === null ? 'the whole range' : clock(held) } as never}
        onChange={setHeld}
        onChangeEnd={(which) => onChange(startOf(which))}
      />
      <Button variant="default" disabled={at === null} onClick={() => onChange(null)} style={{ flex: 'none' }}>
        Whole range
      </Button>
    </Group>
  );
}
