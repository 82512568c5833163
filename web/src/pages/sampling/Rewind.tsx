import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type ApiError, postJson } from '../../api/client';
import type { paths } from '../../api/schema';
import { ErrorBox } from '../../components/ErrorBox';
import { Panel } from '../../components/Panel';
import { plural } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

type Kept = paths['/api/v1/sampling/keep']['post']['responses'][200]['content']['application/json'];

/** Traces that still rest in the recent window are kept, whatever the policies said of them. */
export function Rewind() {
  const range = useApiRange();
  const { tenant } = useShell();
  const [filter, setFilter] = useState({ service: '', operation: '', status: '' });
  const [slowMs, setSlowMs] = useState<number | string>('');
  const [reason, setReason] = useState('');
  const keep = useMutation<Kept, ApiError>({
    mutationFn: () =>
      postJson(
        '/api/v1/sampling/keep',
        { filter: { ...filter, min_duration_ms: slowMs === '' ? null : Number(slowMs) }, reason, ...range },
        tenant,
      ),
  });
  const set = (name: string) => (event: React.ChangeEvent<HTMLInputElement>) =>
    setFilter({ ...filter, [name]: event.currentTarget.value });
  return (
    <Panel title="Keep what has happened in the time range at the top">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <Stack p="sm" gap="sm">
          <Text size="sm" className="quiet">
            All spans rest for an hour before they fall. Traces with a span that meets all of this are kept:
          </Text>
          <Group align="flex-end" gap="sm">
            <TextInput label="Service" value={filter.service} onChange={set('service')} />
            <TextInput label="Operation" value={filter.operation} onChange={set('operation')} />
            <Select
              label="Status"
              data={['error', 'ok', 'unset']}
              value={filter.status || null}
              clearable
              onChange={(value) => setFilter({ ...filter, status: value ?? '' })}
            />
            <NumberInput label="At least (ms)" size="xs" min={0} value={slowMs} onChange={setSlowMs} />
            <TextInput label="Why" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
            <Button type="submit" loading={keep.isPending}>
              Keep them
            </Button>
          </Group>
          {keep.error && <ErrorBox error={keep.error} />}
          {keep.data && (
            <div role="status">
              <Text size="sm">
                {plural(keep.data.matched, 'trace')}: {keep.data.will_be_kept} will be kept, {keep.data.already_kept}{' '}
                were kept already, {keep.data.too_late} are gone.
              </Text>
              {keep.data.traces.slice(0, 10).map(({ trace_id, state }) => (
                <Text key={trace_id} size="xs" className="mono">
                  <Link className="link" to="/traces/$traceId" params={{ traceId: trace_id }}>
                    {trace_id}
                  </Link>{' '}
                  {state}
                </Text>
              ))}
            </div>
          )}
        </Stack>
      </form>
    </Panel>
  );
}
