import { useMemo } from 'react';
import { useUrl } from '../../api/client';
import type { Suggestion } from '../../components/QueryField';

const FUNCTIONS: Suggestion[] = [
  ['rate', 'per second of a counter'],
  ['increase', 'of a counter over a time'],
  ['sum', 'sum by (label) (…)'],
  ['avg', ''],
  ['max', ''],
  ['min', ''],
  ['count', ''],
  ['topk', 'topk(5, …)'],
  ['histogram_quantile', 'histogram_quantile(0.95, sum by (le) (rate(…_bucket[5m])))'],
  ['avg_over_time', 'avg_over_time(…[5m])'],
  ['max_over_time', ''],
  ['delta', 'change of a gauge'],
  ['absent', '1 when there is none'],
  ['by', 'by (label)'],
  ['without', 'without (label)'],
  ['offset', 'offset 1d'],
].map(([text = '', about]) => ({ text, about }));

/** The others, whose names say it. */
const OTHERS = `
abs absent_over_time acos acosh asin asinh atan atanh ceil changes clamp clamp_max clamp_min cos cosh
count_over_time day_of_month day_of_week day_of_year days_in_month deg deriv double_exponential_smoothing exp
first_over_time floor histogram_avg histogram_count histogram_fraction histogram_stddev histogram_stdvar
histogram_sum hour idelta info irate label_join label_replace last_over_time ln log10 log2 mad_over_time
min_over_time minute month pi predict_linear present_over_time quantile_over_time rad resets round scalar sgn
sin sinh sort sort_by_label sort_by_label_desc sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time
tan tanh time timestamp vector year bottomk count_values group limitk quantile stddev stdvar on ignoring
group_left group_right bool and or unless`;

const MORE: Suggestion[] = OTHERS.trim()
  .split(/\s+/)
  .map((text) => ({ text }));

interface Names {
  data: string[];
}

/** Completion of PromQL: functions, metrics, and labels within braces. */
export function useMetricWords(): (word: string, before: string) => Suggestion[] {
  const names = useUrl<Names>('/prometheus/api/v1/label/__name__/values', { every: false });
  const labels = useUrl<Names>('/prometheus/api/v1/labels', { every: false });
  return useMemo(() => {
    const metrics = (names.data?.data ?? []).map((text) => ({ text, about: 'metric' }));
    const keys = (labels.data?.data ?? []).map((text) => ({ text, about: 'label' }));
    return (word, before) => {
      if (word.length < 2) return [];
      const inside =
        before.lastIndexOf('{') > before.lastIndexOf('}') || /\b(?:by|without|on|ignoring)\s*\([^)]*$/.test(before);
      const lower = word.toLowerCase();
      const found = (inside ? keys : [...FUNCTIONS, ...metrics, ...MORE]).filter(({ text }) =>
        text.toLowerCase().includes(lower),
      );
      const begins = ({ text }: Suggestion) => Number(text.toLowerCase().startsWith(lower));
      return found.sort((a, b) => begins(b) - begins(a));
    };
  }, [names.data, labels.data]);
}

/** What one usually wants to see of a metric. */
export function suggestQuery(name: string, type = ''): string {
  if (name.endsWith('_bucket')) return `histogram_quantile(0.95, sum by (le) (rate(${name}[5m])))`;
  if (type === 'counter' || /_(total|count|sum)$/.test(name)) return `sum(rate(${name}[5m]))`;
  return /^[a-zA-Z_:][\w:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
}
