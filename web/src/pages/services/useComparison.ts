import { useApi } from '../../api/client';
import { spanOf } from '../../lib/time';
import { useShell } from '../../shell/state';
import type { Service } from './ServicePage';

const LONGEST_S = 3600;
const MINUTE_S = 60;

export type Deploy = Service['deploys'][number];
export type Verdict = 'worse' | 'better' | 'mixed' | 'same' | 'unknown';

export const VERDICTS: Record<Verdict, { color: string; text: string }> = {
  worse: { color: 'red', text: 'worse than before' },
  mixed: { color: 'orange', text: 'in part worse, in part better' },
  better: { color: 'teal', text: 'better than before' },
  same: { color: 'gray', text: 'as before' },
  unknown: { color: 'gray', text: 'too early to tell' },
};

/** Up to an hour after the new version took over, until the next deploy or now, and as long a time before. */
export function windowsOf(deploys: Deploy[], deploy: Deploy, endMs: number) {
  const next = deploys.find(({ time, environment }) => environment === deploy.environment && time > deploy.time);
  const end = Math.min(next?.time ?? Number.POSITIVE_INFINITY, Math.ceil(endMs / 1000 / MINUTE_S) * MINUTE_S);
  const length = Math.max(MINUTE_S, Math.min(LONGEST_S, end - deploy.time));
  return {
    start: String(deploy.time),
    end: String(deploy.time + length),
    before_start: String(deploy.time - length),
    before_end: String(deploy.time),
  };
}

/** A service before and after one of its deploys, the last if not said otherwise. */
export function useComparison(of: Service, chosen?: Deploy) {
  const { range } = useShell();
  const deploy = chosen ?? of.deploys.at(-1);
  const query = deploy ? windowsOf(of.deploys, deploy, spanOf(range).endMs) : {};
  const answer = useApi(
    '/api/v1/services/{service}/compare',
    { path: { service: of.service }, query },
    { enabled: deploy !== undefined, every: false },
  );
  return { deploy, answer };
}
