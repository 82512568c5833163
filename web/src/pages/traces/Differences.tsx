import { Button, Group, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ApiError, postJson } from '../../api/client';
import type { paths } from '../../api/schema';
import { Empty } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Exported } from '../../components/Export';
import { Panel } from '../../components/Panel';
import { restOf } from '../../lib/traceql';
import { formatCount, formatMs, formatShare } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { useShell } from '../../shell/state';

type Comparison = paths['/api/v1/analysis/compare']['post']['responses'][200]['content']['application/json'];

const SHOWN = 15;

/** What the traces of the query have that the others have not, attribute by attribute; asked for with a button. */
export function Differences({ q, narrow }: { q: string; narrow: (q: string) => void }) {
  const range = useApiRange();
  const { tenant } = useShell();
  const rest = restOf(q);
  const compare = useMutation<Comparison, ApiError>({
    mutationFn: () =>
      postJson(
        '/api/v1/analysis/compare',
        { selection: { traceql: q }, baseline: { traceql: rest }, ...range },
        tenant,
      ),
  });
  if (rest === null) return null;
  return (
    <Panel
      title="What is different about these traces"
      right={
        <Button variant="default" size="compact-xs" loading={compare.isPending} onClick={() => compare.mutate()}>
          Compare with the rest
        </Button>
      }
    >
      {compare.error && <ErrorBox error={compare.error} query={q} />}
      {compare.data && <Found of={compare.data} q={q} narrow={narrow} />}
    </Panel>
  );
}

function Found({ of, q, narrow }: { of: Comparison; q: string; narrow: (q: string) => void }) {
  const values = of.attributes.filter(({ significant, value }) => significant && value !== null).slice(0, SHOWN);
  const durations = of.durations.filter(({ significant }) => significant).slice(0, 6);
  if (values.length === 0 && durations.length === 0) {
    return <Empty title="Nothing beyond chance">{`${of.tests} figures were compared.`}</Empty>;
  }
  return (
    <>
      <Text size="xs" className="quiet" px="sm" pt={6}>
        {formatCount(of.selection.traces_compared)} traces against {formatCount(of.baseline.traces_compared)}; beyond
        chance after {formatCount(of.tests)} tests (Benjamini-Hochberg), largest difference first
      </Text>
      <Exported name="attributes that differ">
        <table className="grid">
          <thead>
            <tr>
              <th>Attribute</th>
              <th>Value</th>
              <th style={{ width: '22%' }}>Among these</th>
              <th style={{ width: '22%' }}>Among the rest</th>
              <th>
                <span className="visually-hidden">Narrow</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {values.map((row) => (
              <tr key={`${row.scope} ${row.key} ${row.value}`}>
                <td>
                  <span className="quiet">{row.scope}.</span>
                  {row.key}
                </td>
                <td className="mono">{row.value}</td>
                <td>
                  <Share of={row.selection_share} color="var(--accent)" />
                </td>
                <td>
                  <Share of={row.baseline_share} color="var(--quiet)" />
                </td>
                <td>
                  {(row.scope === 'span' || row.scope === 'resource') && (
                    <Button
                      variant="default"
                      size="compact-xs"
                      aria-label={`Only traces with ${row.key} ${row.value}`}
                      onClick={() =>
                        narrow(q.replace(/\}\s*$/, `&& ${row.scope}.${row.key} = ${JSON.stringify(row.value)} }`))
                      }
                    >
                      +
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Exported>
      {durations.length > 0 && (
        <Exported name="durations that differ">
          <table className="grid">
            <thead>
              <tr>
                <th>Operation</th>
                <th className="number">Median among these</th>
                <th className="number">Among the rest</th>
              </tr>
            </thead>
            <tbody>
              {durations.map((row) => (
                <tr key={`${row.service} ${row.operation}`}>
                  <td>
                    {row.service}: {row.operation}
                  </td>
                  <td className="number">{formatMs(row.selection_median)}</td>
                  <td className="number">{formatMs(row.baseline_median)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Exported>
      )}
    </>
  );
}

function Share({ of, color }: { of: number; color: string }) {
  return (
    <Group gap={6} wrap="nowrap">
      <div aria-hidden style={{ width: `${of * 60}%`, minWidth: 1, height: 8, borderRadius: 2, background: color }} />
      <Text size="xs" className="number">
        {formatShare(of)}
      </Text>
    </Group>
  );
}
