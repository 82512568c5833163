import { useApi, useUrl } from '../../api/client';
import { Empty } from '../../components/Empty';
import { Exported } from '../../components/Export';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { Scroll } from '../../components/Scroll';
import { useApiRange } from '../../lib/useRange';
import { suggestQuery } from './words';

/** The metrics that there are: a click makes a sensible query of one. */
export function Browse({ choose }: { choose: (query: string) => void }) {
  const range = useApiRange();
  const metrics = useApi('/api/v1/metrics', { query: range });
  const types = useUrl<{ data: Record<string, { type: string; help: string }[]> }>('/prometheus/api/v1/metadata', {
    every: false,
  });
  const names = useUrl<{ data: string[] }>('/prometheus/api/v1/label/__name__/values', { every: 60_000 });
  const units = new Map(metrics.data?.metrics.map(({ metric, unit }) => [metric, unit]));
  return (
    <Panel title="Metrics that arrive">
      <Loaded of={names}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="No metrics in this time range">
              Send them by OTLP, by Prometheus remote write to <code>/prometheus/api/v1/write</code>, or let Traceo
              scrape: <code>scraping.config_file</code>.
            </Empty>
          ) : (
            <Exported name="Metrics">
              <Scroll label="Metrics" maxHeight="calc(100vh - 220px)">
                <table className="grid">
                  <thead>
                    <tr>
                      <th>Metric</th>
                      <th>Type</th>
                      <th>About</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.slice(0, 1000).map((name) => {
                      const about = types.data?.data[name]?.[0];
                      return (
                        <tr key={name}>
                          <td>
                            <button
                              type="button"
                              className="bare mono"
                              style={{ color: 'var(--accent)' }}
                              onClick={() => choose(suggestQuery(name, about?.type))}
                            >
                              {name}
                            </button>
                          </td>
                          <td className="quiet">{about?.type ?? ''}</td>
                          <td className="quiet">{about?.help || units.get(name) || ''}</td>
                        </tr>
                      );
                    })}
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
