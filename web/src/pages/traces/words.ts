import { useMemo } from 'react';
import { useUrl } from '../../api/client';
import type { Suggestion } from '../../components/QueryField';

const INTRINSICS: Suggestion[] = [
  { text: 'duration', about: 'of the span: > 250ms' },
  { text: 'name', about: 'of the span' },
  { text: 'status', about: '= error, ok, unset' },
  { text: 'kind', about: '= server, client, producer, consumer, internal' },
  { text: 'traceDuration', about: 'of the whole trace' },
  { text: 'rootServiceName' },
  { text: 'rootName' },
  { text: 'count()', about: '{ … } | count() > 3' },
  { text: 'avg(duration)' },
  { text: 'rate()', about: '{ … } | rate() by (resource.service.name)' },
  { text: 'quantile_over_time(duration, .99)' },
];

const FIELDS = ['name', 'status', 'kind', 'duration', 'traceDuration', 'rootServiceName', 'rootName', 'statusMessage'];

interface Scopes {
  scopes: { name: string; tags: string[] }[];
}

function useTags(): Suggestion[] {
  const tags = useUrl<Scopes>('/tempo/api/v2/search/tags', { every: false });
  return useMemo(
    () =>
      (tags.data?.scopes ?? [])
        .filter(({ name }) => name !== 'intrinsic')
        .flatMap(({ name, tags: names }) => names.map((tag) => ({ text: `${name}.${tag}`, about: 'attribute' }))),
    [tags.data],
  );
}

/** What a condition may be on: fields of every span, and the attributes that were seen. */
export function useTraceFields(): string[] {
  const tags = useTags();
  return useMemo(() => [...FIELDS, ...tags.map(({ text }) => text)], [tags]);
}

/** Completion of TraceQL: intrinsics, and the attributes that were seen. */
export function useTraceWords(): (word: string) => Suggestion[] {
  const tags = useTags();
  return useMemo(() => {
    const all = [...INTRINSICS, ...tags];
    return (word) => (word.length < 2 ? [] : all.filter(({ text }) => text.toLowerCase().includes(word.toLowerCase())));
  }, [tags]);
}
