import { useApi } from '../../api/client';
import { Figure } from '../../components/Red';
import { formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';

/** How much of what arrived is kept; nothing without sampling. */
export function SamplingState() {
  const range = useApiRange();
  const ledger = useApi('/api/v1/sampling/ledger', { query: { ...range, by: 'verdict' } });
  const kept = ledger.data?.total?.share_kept.spans;
  return kept === undefined || kept === null ? null : <Figure name="Spans kept" value={formatShare(kept)} />;
}
