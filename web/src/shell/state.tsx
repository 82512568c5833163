/** What all pages share: the time range and tenant of the URL, live or paused, how times are shown. */

import { useLocalStorage } from '@mantine/hooks';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { isLive, type Range, readRange } from '../lib/time';

/** In every page's URL. */
export interface GlobalSearch {
  from?: string;
  to?: string;
  tenant?: string;
}

/** Between two readings of what is live. */
export const LIVE_MS = 10_000;

interface Shell {
  range: Range;
  tenant: string;
  utc: boolean;
  dense: boolean;
  paused: boolean;
  /** Between two readings; false while paused, or when the range has ended. */
  refreshMs: number | false;
  /** Counts the times that somebody asked for everything to be read again. */
  turn: number;
  setRange: (range: Range) => void;
  setTenant: (tenant: string) => void;
  setUtc: (utc: boolean) => void;
  setDense: (dense: boolean) => void;
  setPaused: (paused: boolean) => void;
  refresh: () => void;
}

const Context = createContext<Shell | null>(null);

export function ShellProvider({ children }: { children: ReactNode }) {
  const search = useSearch({ strict: false }) as GlobalSearch;
  const navigate = useNavigate();
  const [utc, setUtc] = useLocalStorage({ key: 'traceo-utc', defaultValue: false });
  const [dense, setDense] = useLocalStorage({ key: 'traceo-dense', defaultValue: false });
  const [paused, setPaused] = useState(false);
  const [turn, setTurn] = useState(0);
  const range = useMemo(() => readRange(search.from, search.to), [search.from, search.to]);
  const tenant = search.tenant ?? '';

  const change = useCallback(
    (changed: GlobalSearch) => {
      void navigate({ to: '.', search: (before: GlobalSearch) => ({ ...before, ...changed }) } as never);
    },
    [navigate],
  );
  const value = useMemo<Shell>(
    () => ({
      range,
      tenant,
      utc,
      dense,
      paused,
      refreshMs: paused || !isLive(range) ? false : LIVE_MS,
      turn,
      setRange: (next) => change({ from: next.from, to: next.to }),
      setTenant: (next) => change({ tenant: next || undefined }),
      setUtc,
      setDense,
      setPaused,
      refresh: () => setTurn((before) => before + 1),
    }),
    [range, tenant, utc, dense, paused, turn, change, setUtc, setDense],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useShell(): Shell {
  const shell = useContext(Context);
  if (!shell) throw new Error('useShell needs a ShellProvider around it');
  return shell;
}
