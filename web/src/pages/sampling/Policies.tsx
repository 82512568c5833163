import { Button, Checkbox, Group, SegmentedControl, SimpleGrid, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { withQuery } from '../../api/ahead';
import { type Answer, type ApiError, postJson, request, useApi } from '../../api/client';
import type { paths } from '../../api/schema';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';
import { PolicyForm } from './PolicyForm';
import { Report } from './Report';
import { Versions } from './Versions';

type Current = Answer<'/api/v1/sampling/policies'>;
export type Simulated = paths['/api/v1/sampling/simulate']['post']['responses'][200]['content']['application/json'];

const BEGINNING = `decision_wait: 10s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
  - {name: a tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
`;

/** The policies that apply, as a form or as YAML, which are the same document: tried out before they take effect, with all their versions. */
export function Policies() {
  const current = useApi('/api/v1/sampling/policies', {}, { every: false });
  return (
    <Loaded of={current} lines={10}>
      {(found) => (
        <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
          <Editor key={`${found.source} ${found.version}`} current={found} changed={() => void current.refetch()} />
          <Versions changed={() => void current.refetch()} current={found.version ?? null} />
        </SimpleGrid>
      )}
    </Loaded>
  );
}

function Editor({ current, changed }: { current: Current; changed: () => void }) {
  const { tenant } = useShell();
  const range = useApiRange();
  const { as = 'form' } = useSearch({ from: '/sampling' });
  const navigate = useNavigate({ from: '/sampling' });
  const [document, setDocument] = useState(current.document || BEGINNING);
  const [comment, setComment] = useState('');
  const [dry, setDry] = useState(current.dry_run);
  const simulate = useMutation<Simulated, ApiError>({
    mutationFn: () => postJson('/api/v1/sampling/simulate', { document, ...range }, tenant),
  });
  const put = useMutation<unknown, ApiError>({
    mutationFn: () =>
      request(withQuery('/api/v1/sampling/policies', { dry_run: dry, comment }), tenant, {
        method: 'PUT',
        body: document,
        headers: { 'Content-Type': 'application/yaml' },
      }),
    onSuccess: changed,
  });
  const failed = simulate.error ?? put.error;
  return (
    <div style={{ display: 'grid', gap: 8, alignContent: 'start', minWidth: 0 }}>
      <Panel
        title={
          current.source === 'none'
            ? 'No policies: everything is kept'
            : `In force: version ${current.version} (${current.source})${current.dry_run ? ', dry run' : ''}`
        }
      >
        <div style={{ padding: 10 }}>
          <SegmentedControl
            aria-label="Edit as"
            mb="xs"
            value={as}
            onChange={(next) =>
              void navigate({
                search: (before) => ({ ...before, as: next === 'form' ? undefined : next }),
                replace: true,
              })
            }
            data={[
              { label: 'Form', value: 'form' },
              { label: 'YAML', value: 'yaml' },
            ]}
          />
          {as === 'form' ? (
            <PolicyForm text={document} change={setDocument} />
          ) : (
            <Textarea
              aria-label="Policies in YAML"
              value={document}
              onChange={(event) => setDocument(event.currentTarget.value)}
              autosize
              minRows={10}
              maxRows={26}
              spellCheck={false}
              styles={{ input: { fontFamily: 'var(--mono)', fontSize: 12 } }}
            />
          )}
          <Group justify="space-between" mt="xs">
            <Button variant="default" loading={simulate.isPending} onClick={() => simulate.mutate()}>
              What if?
            </Button>
            <Group gap="sm">
              <Checkbox
                size="xs"
                label="Dry run"
                checked={dry}
                onChange={(event) => setDry(event.currentTarget.checked)}
              />
              <TextInput
                aria-label="Why"
                placeholder="Why"
                value={comment}
                onChange={(event) => setComment(event.currentTarget.value)}
              />
              <Button loading={put.isPending} onClick={() => put.mutate()}>
                Put in force
              </Button>
            </Group>
          </Group>
          <Text size="xs" className="quiet" mt={6}>
            “What if?” replays the set over the recent spans of the time range at the top, and changes nothing. The
            Collector's tail_sampling YAML can be pasted as it is.
          </Text>
          {current.notes.map((note) => (
            <Text key={note} size="xs" style={{ color: 'var(--warn)' }}>
              {note}
            </Text>
          ))}
        </div>
      </Panel>
      {failed && <ErrorBox error={failed} />}
      {put.isSuccess && !failed && (
        <Text size="sm" role="status" style={{ color: 'var(--good)' }}>
          It is in force.
        </Text>
      )}
      {simulate.data && <Report of={simulate.data} />}
    </div>
  );
}
