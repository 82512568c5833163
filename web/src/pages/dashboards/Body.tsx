import { Skeleton, Stack } from '@mantine/core';
import { useMemo } from 'react';
import { Empty } from '../../components/Empty';
import { ErrorBox } from '../../components/ErrorBox';
import { Scroll } from '../../components/Scroll';
import type { Streams } from '../logs/lines';
import { binsOf, type SqlAnswer, seriesOf, timesOf } from './answers';
import { askOf, useAnswers } from './asks';
import { Lines, ServiceMap, Traces } from './Finds';
import { HeatCells } from './HeatCells';
import { Markdown } from './Markdown';
import type { PanelSpec } from './model';
import { Bars, Histogram, SeriesTable, SqlTable, Stats, TimeSeries } from './Numbers';
import { useBoard } from './times';
import { fillQuery, fillText } from './variables';

interface Props {
  panel: PanelSpec;
  /** Pixels that there are for it. */
  height: number;
  /** Whether it is, or was, in sight: else nothing is asked. */
  seen?: boolean;
}

/** What a panel shows, whatever its kind. */
export function Body({ panel, height, seen = true }: Props) {
  const { values } = useBoard();
  const label = fillText(panel.title, values) || panel.kind.replace('_', ' ');
  if (panel.kind === 'row') return null;
  if (panel.kind === 'map') return seen ? <ServiceMap service={fillText(panel.service, values)} /> : null;
  if (panel.kind === 'text')
    return (
      <Scroll label={label} maxHeight="100%">
        <Markdown text={fillText(panel.text, values)} />
      </Scroll>
    );
  if (!panel.queries.some(({ text }) => text.trim())) return <Empty title="It has no query yet" />;
  return <Asked panel={panel} height={height} seen={seen} label={label} />;
}

function Asked({ panel, height, seen, label }: Required<Props> & { label: string }) {
  const { values, times, grid } = useBoard();
  const queries = useMemo(
    () =>
      panel.queries
        .filter(({ text }) => text.trim())
        .map((query) => ({ ...query, legend: fillText(query.legend, values) })),
    [panel.queries, values],
  );
  const answers = useAnswers(
    queries.map((query) => askOf(query, panel, values, times, grid)),
    seen,
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the answers are new when one of them is
  const series = useMemo(
    () =>
      answers.data && panel.kind !== 'logs' && panel.kind !== 'traces'
        ? queries.flatMap((query, place) => seriesOf(answers.data?.[place], query, grid))
        : [],
    [...(answers.data ?? []), answers.data === undefined, queries, grid, panel.kind],
  );
  const query = queries[answers.failed];
  if (answers.error)
    return (
      <Scroll label={`${label}: error`} maxHeight="100%">
        <ErrorBox
          error={answers.error}
          query={query && fillQuery(query.text, query.language, values, times)}
          retry={answers.again}
        />
      </Scroll>
    );
  if (!answers.data && !seen) return null;
  if (!answers.data)
    return (
      <Stack gap="xs" p="sm" aria-busy={answers.busy}>
        <Skeleton height={14} />
        <Skeleton height={Math.max(14, height - 70)} />
      </Stack>
    );
  const [first] = answers.data;
  if (panel.kind === 'logs')
    return <Lines answer={first as Streams} query={fillQuery(queries[0]?.text ?? '', 'logql', values, times)} />;
  if (panel.kind === 'traces') return <Traces answer={first as never} label={label} />;
  if (panel.kind === 'table' && queries[0]?.language === 'sql')
    return <SqlTable panel={panel} answer={first as SqlAnswer} label={label} />;
  if (!series.some((each) => each.values.some((value) => value !== null)))
    return <Empty title="Nothing in this time range" />;
  const shown = { panel, series, label };
  switch (panel.kind) {
    case 'stat':
      return <Stats {...shown} />;
    case 'bar':
      return <Bars {...shown} />;
    case 'table':
      return <SeriesTable {...shown} />;
    case 'histogram':
      return <Histogram panel={panel} bins={binsOf(series)} label={label} />;
    case 'heat_map':
      return <HeatCells {...shown} times={timesOf(grid)} />;
    default:
      return <TimeSeries {...shown} times={timesOf(grid)} height={height} />;
  }
}
