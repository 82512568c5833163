import { Button, Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ApiError, request, useApi } from '../../api/client';
import { ErrorBox } from '../../components/ErrorBox';
import { Loaded } from '../../components/Loaded';
import { Scroll } from '../../components/Scroll';
import { formatTime } from '../../lib/time';
import { plural } from '../../lib/units';
import { useShell } from '../../shell/state';
import type { Saved } from './model';
import { download, restoreVersion } from './save';

/** Every version that is kept: who saved it when, had back by one click. */
export function Versions({
  saved,
  close,
  changed,
}: {
  saved: Saved;
  close: () => void;
  changed: () => Promise<unknown>;
}) {
  const { utc, tenant } = useShell();
  const versions = useApi('/api/v1/dashboards/{id}/versions', { path: { id: saved.id } }, { every: false });
  const restore = useMutation<Saved, ApiError, number>({
    mutationFn: (version) => restoreVersion(saved.id, version, tenant),
    onSuccess: async () => {
      close();
      await changed();
    },
  });
  const fetchOne = useMutation<Saved, ApiError, number>({
    mutationFn: (version) => request(`/api/v1/dashboards/${saved.id}/versions/${version}`, tenant),
    onSuccess: ({ dashboard }) => download(dashboard),
  });
  const error = restore.error ?? fetchOne.error;
  return (
    <Modal opened onClose={close} title="Versions" size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      {error && <ErrorBox error={error} />}
      <Loaded of={versions}>
        {({ versions: found }) => (
          <Scroll label="Versions" maxHeight={480}>
            <table className="grid">
              <thead>
                <tr>
                  <th className="number">Version</th>
                  <th>Saved</th>
                  <th>What</th>
                  <th>Why</th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.map(({ version, created_at, created_by, title, panels, comment }) => (
                  <tr key={version}>
                    <td className="number">{version}</td>
                    <td>
                      {formatTime(Date.parse(created_at), utc)} <span className="quiet">by {created_by}</span>
                    </td>
                    <td>
                      {title}, {plural(panels, 'panel')}
                    </td>
                    <td>{comment}</td>
                    <td>
                      <Button
                        variant="subtle"
                        size="compact-xs"
                        onClick={() => fetchOne.mutate(version)}
                        aria-label={`Export version ${version}`}
                      >
                        Export
                      </Button>{' '}
                      {version === saved.version ? (
                        <span className="quiet">shown</span>
                      ) : (
                        <Button
                          variant="default"
                          size="compact-xs"
                          loading={restore.isPending}
                          onClick={() => restore.mutate(version)}
                          aria-label={`Restore version ${version}`}
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
    </Modal>
  );
}
