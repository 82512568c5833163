import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ApiError, request, useApi } from '../../api/client';
import { Empty } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Exported } from '../../components/Export';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';

/** Every set that was in force, to be put in force again. */
export function Versions({ changed, current }: { changed: () => void; current: number | null }) {
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
        {({ versions: found }) =>
          found.length === 0 ? (
            <Empty title="None yet">Each time that policies are put in force, they are kept here.</Empty>
          ) : (
            <Exported name="versions of policies">
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
            </Exported>
          )
        }
      </Loaded>
    </Panel>
  );
}
