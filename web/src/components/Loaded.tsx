import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ApiError } from '../api/client';
import { ErrorBox } from './ErrorBox';

interface Props<T> {
  of: UseQueryResult<T, ApiError>;
  query?: string;
  lines?: number;
  children: (data: T) => ReactNode;
}

/** An answer, or its outline while it is awaited; after a failure what was there before stays, below the reason. */
export function Loaded<T>({ of, query, lines = 5, children }: Props<T>) {
  return (
    <>
      {of.error && <ErrorBox error={of.error} query={query} retry={() => void of.refetch()} />}
      {of.data !== undefined && children(of.data)}
      {of.data === undefined && !of.error && of.fetchStatus !== 'idle' && (
        <Stack gap="xs" p="md" role="group" aria-busy="true" aria-label="Loading">
          {Array.from({ length: lines }, (_, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
            <Skeleton key={place} height={18} />
          ))}
        </Stack>
      )}
    </>
  );
}
