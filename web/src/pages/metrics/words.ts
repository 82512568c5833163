import { useMemo } from 'react';
import { useUrl } from '../../api/client';
import type { Suggestion } from '../../components/QueryBar';

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
      return (inside ? keys : [...FUNCTIONS, ...metrics]).filter(({ text }) => text.toLowerCase().includes(lower));
    };
  }, [names.data, labels.data]);
}

/** What one usually wants to see of a metric. */
export function suggestQuery(name: string, type = ''): string {
  if (name.endsWith('_bucket')) return `histogram_quantile(0.95, sum by (le) (rate(${name}[5m])))`;
  if (type === 'counter' || /_(total|count|sum)$/.test(name)) return `sum(rate(${name}[5m]))`;
  return /^[a-zA-Z_:][\w:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
}
