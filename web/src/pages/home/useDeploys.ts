import { useMemo } from 'react';
import { useApi } from '../../api/client';
import type { Mark } from '../../components/Chart';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

const MOST_NAMED = 8;

/** Deploys of all services within the range, and as marks on a chart: named while there are few. */
export function useDeploys() {
  const range = useApiRange();
  const { refreshMs } = useShell();
  const answer = useApi('/api/v1/deploys', { query: range }, { every: refreshMs && 60_000 });
  const deploys = answer.data?.deploys;
  const marks = useMemo((): Mark[] => {
    const known = deploys ?? [];
    const text = (service: string, version: string) => (known.length > MOST_NAMED ? '▼' : `▼ ${service} ${version}`);
    return known.map(({ time, service, to_version }) => ({ timeS: time, text: text(service, to_version) }));
  }, [deploys]);
  return { answer, marks };
}
