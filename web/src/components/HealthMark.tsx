const MARKS: Record<string, { sign: string; color: string; text: string }> = {
  healthy: { sign: '●', color: 'var(--good)', text: 'healthy' },
  degraded: { sign: '▲', color: 'var(--warn)', text: 'degraded' },
  failing: { sign: '◆', color: 'var(--bad)', text: 'failing' },
  idle: { sign: '○', color: 'var(--quiet)', text: 'idle' },
};

/** Health as a shape, a colour and a word. */
export function HealthMark({ health, label = false }: { health: string; label?: boolean }) {
  const mark = MARKS[health] ?? { sign: '?', color: 'var(--quiet)', text: health };
  // Tables have many: a component that floats costs each more than the rest of its row.
  if (!label)
    return (
      <span style={{ color: mark.color }} role="img" aria-label={mark.text} title={mark.text}>
        {mark.sign}
      </span>
    );
  return (
    <span className="nowrap">
      <span style={{ color: mark.color }} aria-hidden>
        {mark.sign}
      </span>{' '}
      {mark.text}
    </span>
  );
}
