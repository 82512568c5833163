import { ActionIcon, Button, Group, Popover, SimpleGrid, Stack, Switch, Text, TextInput, Tooltip } from '@mantine/core';
import { useState } from 'react';
import { IconClock, IconPlayerPause, IconPlayerPlay, IconRefresh } from '../lib/icons';
import { describeRange, formatTime, isLive, PRESETS, type Range, spanOf } from '../lib/time';
import { useShell } from './state';

/** The time range of all pages; live while it ends now and is not paused. */
export function TimeRange() {
  const { range, setRange, utc, setUtc, paused, setPaused, refresh } = useShell();
  const [open, setOpen] = useState(false);
  const choose = (next: Range) => {
    setRange(next);
    setOpen(false);
  };
  return (
    <Group gap={4} wrap="nowrap">
      <Popover opened={open} onChange={setOpen} position="bottom-end" shadow="md" trapFocus withinPortal>
        <Popover.Target>
          <Button
            variant="default"
            leftSection={<IconClock size={15} aria-hidden />}
            onClick={() => setOpen(!open)}
            aria-expanded={open}
            data-hotkey="range"
          >
            {describeRange(range, utc)}
          </Button>
        </Popover.Target>
        <Popover.Dropdown w={320} aria-label="Time range">
          <Stack gap="sm">
            <SimpleGrid cols={3} spacing={6}>
              {PRESETS.map((from) => (
                <Button
                  key={from}
                  variant={range.from === from && isLive(range) ? 'filled' : 'default'}
                  onClick={() => choose({ from, to: 'now' })}
                >
                  {describeRange({ from, to: 'now' }, utc).replace('Last ', '')}
                </Button>
              ))}
            </SimpleGrid>
            <Absolute key={`${range.from} ${range.to} ${utc}`} range={range} utc={utc} choose={choose} />
            <Switch
              label="Show times in UTC"
              checked={utc}
              onChange={(event) => setUtc(event.currentTarget.checked)}
              size="xs"
            />
          </Stack>
        </Popover.Dropdown>
      </Popover>
      {isLive(range) && (
        <Tooltip label={paused ? 'Paused: go on (.)' : 'Live: pause (.)'}>
          <ActionIcon
            variant="default"
            size={30}
            onClick={() => setPaused(!paused)}
            aria-label={paused ? 'Go on' : 'Pause'}
            aria-pressed={paused}
          >
            {paused ? <IconPlayerPlay size={15} aria-hidden /> : <IconPlayerPause size={15} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
      <Tooltip label="Read again (r)">
        <ActionIcon variant="default" size={30} onClick={refresh} aria-label="Read again">
          <IconRefresh size={15} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

function Absolute({ range, utc, choose }: { range: Range; utc: boolean; choose: (range: Range) => void }) {
  const { startMs, endMs } = spanOf(range);
  const [from, setFrom] = useState(formatTime(startMs, utc));
  const [to, setTo] = useState(formatTime(endMs, utc));
  const ends = [read(from, utc), read(to, utc)];
  const [start, end] = ends;
  const wrong = start === null || end === null || start === undefined || end === undefined;
  const reversed = !wrong && start >= end;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong && !reversed) choose({ from: String(start), to: String(end) });
      }}
    >
      <Stack gap={6}>
        <TextInput
          label="From"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          error={start === null && 'Like 2026-11-26 14:00'}
          className="mono"
        />
        <TextInput
          label="To"
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          error={end === null ? 'Like 2026-11-26 15:00' : reversed && 'The end is before the start'}
          className="mono"
        />
        <Group justify="space-between">
          <Text size="xs" className="quiet">
            {utc ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone}
          </Text>
          <Button type="submit" disabled={wrong || reversed}>
            Apply
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function read(text: string, utc: boolean): number | null {
  const found = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?$/.exec(text.trim());
  if (!found) return null;
  const ms = Date.parse(`${found[1]}T${found[2] ?? '00:00'}${utc ? 'Z' : ''}`);
  return Number.isFinite(ms) ? ms : null;
}
