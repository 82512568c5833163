import { Text } from '@mantine/core';
import { formatMs, formatRate, formatShare } from '../lib/units';

export interface Figures {
  rate_per_s: number;
  error_ratio: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

/** A share of errors, louder the more of them there are. */
export function Errors({ share }: { share: number }) {
  const color = share >= 0.05 ? 'var(--bad)' : share >= 0.01 ? 'var(--warn)' : undefined;
  return (
    <span style={{ color, fontWeight: share >= 0.05 ? 600 : undefined }}>{share === 0 ? '0' : formatShare(share)}</span>
  );
}

/** Rate, errors and durations as cells of a row. */
export function RedCells({ of }: { of: Figures }) {
  return (
    <>
      <td className="number">{formatRate(of.rate_per_s)}</td>
      <td className="number">
        <Errors share={of.error_ratio} />
      </td>
      <td className="number">{formatMs(of.p50_ms)}</td>
      <td className="number">{formatMs(of.p95_ms)}</td>
      <td className="number">{formatMs(of.p99_ms)}</td>
    </>
  );
}

export function RedHeads() {
  return (
    <>
      <th className="number">Rate</th>
      <th className="number">Errors</th>
      <th className="number">p50</th>
      <th className="number">p95</th>
      <th className="number">p99</th>
    </>
  );
}

/** One large figure with its name. */
export function Figure({ name, value, tone }: { name: string; value: string; tone?: string }) {
  return (
    <div style={{ minWidth: 84 }}>
      <Text size="xs" className="quiet">
        {name}
      </Text>
      <Text size="xl" fw={600} style={{ fontVariantNumeric: 'tabular-nums', color: tone }}>
        {value}
      </Text>
    </div>
  );
}
