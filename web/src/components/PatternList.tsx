import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../api/client';
import { formatCount } from '../lib/units';
import { useApiRange } from '../lib/useRange';
import { Empty } from './Empty';
import { Loaded } from './Loaded';
import { ListRow, Rows } from './Rows';
import { Sparkline } from './Sparkline';

const LEVELS: Record<string, string> = { error: 'var(--bad)', fatal: 'var(--bad)', warn: 'var(--warn)' };

/** Shapes of log lines, most frequent first; each opens the lines. */
export function PatternList({ service = '', limit = 30 }: { service?: string; limit?: number }) {
  const range = useApiRange();
  const patterns = useApi('/api/v1/logs/patterns', { query: { ...range, service, limit } });
  return (
    <Loaded of={patterns}>
      {({ patterns: found }) =>
        found.length === 0 ? (
          <Empty title="No log lines in this time range" />
        ) : (
          <Rows>
            {found.map((pattern) => (
              <ListRow key={`${pattern.pattern} ${pattern.level}`}>
                <Sparkline
                  values={pattern.points.map(([, lines]) => lines)}
                  label={`${pattern.lines} lines over time`}
                />
                <Text size="xs" w={44} style={{ color: LEVELS[pattern.level], flex: 'none' }}>
                  {pattern.level || '–'}
                </Text>
                <Text size="xs" className="mono cut" style={{ flex: 1, minWidth: 0 }} title={pattern.example}>
                  <Link to="/logs" search={{ q: linesOf(pattern.service, pattern.template) }} className="plain">
                    {pattern.template}
                  </Link>
                </Text>
                {!service && (
                  <Text size="xs" className="quiet cut" maw={140}>
                    {pattern.service}
                  </Text>
                )}
                <Text size="sm" className="number" fw={600}>
                  {formatCount(pattern.lines)}
                </Text>
              </ListRow>
            ))}
          </Rows>
        )
      }
    </Loaded>
  );
}

/** LogQL for a template, whose variable parts are `<...>`. */
export function linesOf(service: string, template: string): string {
  const selector = `{service_name=${JSON.stringify(service)}}`;
  const parts = template.split(/<[^<>]*>/).map((part) => part.trim());
  const longest = parts.reduce((before, part) => (part.length > before.length ? part : before), '');
  return longest ? `${selector} |= ${JSON.stringify(longest)}` : selector;
}
