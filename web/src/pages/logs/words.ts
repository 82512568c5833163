import { useMemo } from 'react';
import { useUrl } from '../../api/client';
import type { Suggestion } from '../../components/QueryField';

const STAGES: Suggestion[] = [
  { text: 'json', about: 'parser' },
  { text: 'logfmt', about: 'parser' },
  { text: 'pattern', about: 'parser: `<ip> - <_>`' },
  { text: 'regexp', about: 'parser' },
  { text: 'line_format', about: 'shows lines in another way' },
  { text: 'label_format' },
  { text: 'unwrap', about: 'numbers out of lines' },
  { text: 'count_over_time', about: 'count_over_time({…}[5m])' },
  { text: 'rate', about: 'sum by (service_name) (rate({…}[5m]))' },
  { text: 'detected_level', about: 'error, warn, info, …' },
  { text: 'trace_id' },
];
const VALUE_OF = /([A-Za-z_]\w*)\s*(?:=|!=|=~|!~)\s*"[^"]*$/;

interface Names {
  data: string[];
}

/** Completion of LogQL: labels, the services by name, stages. */
export function useLogWords(): (word: string, before: string) => Suggestion[] {
  const labels = useUrl<Names>('/loki/api/v1/labels', { every: false });
  const services = useUrl<Names>('/loki/api/v1/label/service_name/values', { every: false });
  return useMemo(() => {
    const names = (labels.data?.data ?? []).map((text) => ({ text, about: 'label' }));
    const values = (services.data?.data ?? []).map((text) => ({ text, about: 'service' }));
    return (word, before) => {
      const value = VALUE_OF.exec(before);
      if (value) return value[1] === 'service_name' ? values.filter(({ text }) => text.includes(word)) : [];
      return word.length < 1
        ? []
        : [...names, ...STAGES].filter(({ text }) => text.toLowerCase().includes(word.toLowerCase()));
    };
  }, [labels.data, services.data]);
}
