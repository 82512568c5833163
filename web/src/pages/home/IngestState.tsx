import { useApi } from '../../api/client';
import { Figure } from '../../components/Red';
import { formatBytes } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';

/** How much has arrived within the range; what waits to be committed, if it is more than nothing. */
export function IngestState() {
  const range = useApiRange();
  const usage = useApi('/api/v1/usage', { query: range });
  const status = useApi('/api/v1/status');
  const bytes = usage.data?.usage.reduce((sum, row) => sum + row.bytes, 0);
  const waiting = status.data?.buffered_bytes ?? 0;
  return (
    <>
      <Figure name="Arrived" value={formatBytes(bytes)} />
      {waiting > 0 && <Figure name="Not yet committed" value={formatBytes(waiting)} />}
    </>
  );
}
