import { Button, Checkbox, Group, SimpleGrid, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Answer, type ApiError, postJson, request, useApi, withQuery } from '../../api/client';
import type { paths } from '../../api/schema';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';
import { Report } from './Report';

type Current = Answer<'/api/v1/sampling/policies'>;
export type Simulated = paths['/api/v1/sampling/simulate']['post']['responses'][200]['content']['application/json'];

const BEGINNING = `decision_wait: 10s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
  - {name: a tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
`;

/** The policies that apply, as YAML: tried out before they take effect, with all their versions. */
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

function Versions({ changed, current }: { changed: () => void; current: number | null }) {
  const { utc, tenant } = useShell();
  const versions = useApi('/api/v1/sampling/policies/versions', {}, { every: false });
  const restore = useMutation<unknown, ApiError, number>({
    mutationFn: (version) =>
      request(`/api/v1/sampling/policies/versions/${version}/restore`, tenant, { method: 'POST' }),
    onSuccess: () => {
      changed();
      void versions.refetch();
    },
  });
  return (
    <Panel title="Versions">
      {restore.error && <ErrorBox error={restore.error} />}
      <Loaded of={versions}>
        {({ versions: found }) => (
          <Scroll label="Versions" maxHeight={480}>
            <table className="grid">
              <thead>
                <tr>
                  <th className="number">Version</th>
                  <th>When</th>
                  <th>Who</th>
                  <th>Mode</th>
                  <th>Why</th>
                  <th>
                    <span className="visually-hidden">Restore</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.map((version) => (
                  <tr key={version.version}>
                    <td className="number">{version.version}</td>
                    <td>{formatTime(Date.parse(version.created_at), utc)}</td>
                    <td>{version.created_by}</td>
                    <td>
                      {version.mode}
                      {version.dry_run && ', dry run'}
                    </td>
                    <td>{version.comment}</td>
                    <td>
                      {version.version !== current && (
                        <Button
                          variant="default"
                          size="compact-xs"
                          loading={restore.isPending}
                          onClick={() => restore.mutate(version.version)}
                          aria-label={`Restore version ${version.version}`}
                        >
                          Restore
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Loaded>
    </Panel>
  );
}
