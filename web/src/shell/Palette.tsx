import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../api/client';
import { IconActivity, IconBookmark, IconSearch, IconTimeline } from '../lib/icons';
import { apiTime } from '../lib/time';
import { PAGES } from './pages';
import { useShell } from './state';

const TRACE_ID = /^[0-9a-f]{8,32}$/i;

const PAGE_OF = { promql: '/series', logql: '/logs', traceql: '/traces' } as const;

/** Ctrl-K: pages, services, saved queries, a trace by its id. */
export function Palette() {
  const navigate = useNavigate();
  const { range } = useShell();
  const [text, setText] = useState('');
  const [opened, setOpened] = useState(false);
  const services = useApi(
    '/api/v1/services',
    { query: { start: apiTime(range.from), end: apiTime(range.to) } },
    { every: false, enabled: opened },
  );
  const saved = useApi('/api/v1/saved-queries', {}, { every: false, enabled: opened });
  const go = (to: string, params: Record<string, string> = {}) => void navigate({ to, params } as never);
  const actions: SpotlightActionData[] = [
    ...PAGES.map(({ to, label, about, icon: Icon }) => ({
      id: to,
      label,
      description: about,
      leftSection: <Icon size={18} aria-hidden />,
      onClick: () => go(to),
    })),
    ...(services.data?.services ?? []).map(({ service }) => ({
      id: `service ${service}`,
      label: service,
      description: 'Service',
      leftSection: <IconActivity size={18} aria-hidden />,
      onClick: () => go('/services/$service', { service }),
    })),
    ...(saved.data?.queries ?? []).map(({ id, name, language, query }) => ({
      id: `query ${id}`,
      label: name,
      description: `Saved query: ${query.slice(0, 120)}`,
      leftSection: <IconBookmark size={18} aria-hidden />,
      onClick: () => void navigate({ to: PAGE_OF[language], search: { q: query } } as never),
    })),
  ];
  if (TRACE_ID.test(text.trim())) {
    actions.unshift({
      id: 'trace',
      label: text.trim(),
      description: 'Open the trace with this id',
      leftSection: <IconTimeline size={18} aria-hidden />,
      onClick: () => go('/traces/$traceId', { traceId: text.trim().toLowerCase() }),
    });
  }
  return (
    <Spotlight
      actions={actions}
      query={text}
      onQueryChange={setText}
      onSpotlightOpen={() => setOpened(true)}
      limit={12}
      styles={{ actionDescription: { color: 'inherit', opacity: 0.85 }, empty: { color: 'var(--quiet)' } }}
      nothingFound={services.isLoading ? 'Services are being read …' : 'Nothing of that name'}
      scrollable
      maxHeight={420}
      shortcut={['mod + K']}
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: 'Page, service, saved query, or trace id',
        'aria-label': 'Find',
      }}
    />
  );
}
