import { Button, Popover, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { formatClock } from '../lib/time';
import { formatMs, formatRate } from '../lib/units';
import { useShell } from './state';
import { type LiveState, p95, useLive } from './useLive';

const SIGNS: Record<LiveState['state'], { sign: string; color: string; text: string }> = {
  live: { sign: '●', color: 'var(--good)', text: 'Live' },
  connecting: { sign: '○', color: 'var(--quiet)', text: 'Live' },
  waiting: { sign: '▲', color: 'var(--warn)', text: 'Live, late' },
  off: { sign: '○', color: 'var(--quiet)', text: 'Not live' },
};

/** Whether what is shown follows what arrives, how fast, and what has changed. */
export function LiveBadge() {
  const live = useLive();
  const { sign, color, text } = SIGNS[live.state];
  return (
    <Popover position="bottom-end" shadow="md" withinPortal width={300}>
      <Popover.Target>
        <Button variant="subtle" color="gray" px={6} aria-label={`${text}: how live this page is`}>
          <span style={{ color }} aria-hidden>
            {sign}
          </span>
          <Text component="span" size="xs" visibleFrom="md" ml={5}>
            {text}
          </Text>
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="How live this page is">
        <Details live={live} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Details({ live }: { live: LiveState }) {
  const { utc } = useShell();
  const rates = Object.entries(live.perSecond).sort();
  const late = p95(live.delays);
  return (
    <Stack gap={6}>
      <Text size="sm">{describe(live)}</Text>
      {live.state === 'live' && (
        <Text size="sm">
          {rates.length === 0
            ? 'Nothing has arrived in the last ten seconds.'
            : `Arriving: ${rates.map(([signal, rate]) => `${signal} ${formatRate(rate)}`).join(', ')}`}
        </Text>
      )}
      {late !== null && (
        <Text size="sm">
          From a change to the screen: {formatMs(late)} (95th percentile of {live.delays.length})
        </Text>
      )}
      {live.services.map(({ service, before, health, atMs }) => (
        <Text size="sm" key={`${service} ${atMs}`} style={{ overflowWrap: 'anywhere' }}>
          {formatClock(atMs, utc, 0)}{' '}
          <Link className="link" to="/services/$service" params={{ service }}>
            {service.slice(0, 100)}
          </Link>
          : {before} → <b>{health}</b>
        </Text>
      ))}
    </Stack>
  );
}

function describe({ state, retryMs }: LiveState): string {
  if (state === 'live') return 'Connected: what arrives is shown at once.';
  if (state === 'connecting') return 'Connecting…';
  if (state === 'off') return 'This range has ended, or the page is paused: nothing is read again.';
  return `The live connection is lost, and is tried again within ${Math.ceil(retryMs / 1000)} s. Until then the page is read every ten seconds.`;
}
