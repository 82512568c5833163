/** Dashboards as the API has them, and what a new part of one looks like. */

import type { components } from '../../api/schema';
import { bottom } from './layout';

export type Dashboard = components['schemas']['Dashboard'];
export type Saved = components['schemas']['DashboardVersion'];
export type PanelSpec = components['schemas']['Panel'];
export type PanelQuery = components['schemas']['PanelQuery'];
export type Variable = components['schemas']['Variable'];
export type Annotation = components['schemas']['Annotation'];
export type Kind = PanelSpec['kind'];
export type Language = PanelQuery['language'];

export const KINDS: Record<Kind, { label: string; languages: Language[]; one?: boolean }> = {
  time_series: { label: 'Time series', languages: ['promql', 'logql', 'traceql', 'sql'] },
  stat: { label: 'Single values', languages: ['promql', 'logql', 'traceql', 'sql'] },
  bar: { label: 'Bars', languages: ['promql', 'logql', 'traceql', 'sql'] },
  table: { label: 'Table', languages: ['promql', 'logql', 'traceql', 'sql'] },
  histogram: { label: 'Histogram', languages: ['promql', 'logql', 'traceql', 'sql'] },
  heat_map: { label: 'Heat map', languages: ['promql', 'logql', 'traceql'], one: true },
  logs: { label: 'Log lines', languages: ['logql'], one: true },
  traces: { label: 'Traces', languages: ['traceql'], one: true },
  map: { label: 'Service map', languages: [] },
  text: { label: 'Text', languages: [] },
  row: { label: 'Heading', languages: [] },
};

export const LANGUAGES: Record<Language, { label: string; example: string }> = {
  promql: { label: 'PromQL', example: 'sum by (service_name) (rate(http_server_request_duration_seconds_count[5m]))' },
  logql: { label: 'LogQL', example: 'sum by (service_name) (count_over_time({service_name=~".+"}[$__interval]))' },
  traceql: { label: 'TraceQL', example: '{ status = error } | rate() by (resource.service.name)' },
  sql: {
    label: 'SQL',
    example: 'SELECT service, count() AS spans FROM spans WHERE start_time > {from:DateTime64(3)} GROUP BY service',
  },
};

export function blankDashboard(title: string): Dashboard {
  return { traceo: 1, title, description: '', tags: [], variables: [], annotations: [], panels: [] };
}

export function blankVariable(name: string): Variable {
  return {
    ...{ name, kind: 'query', label: '', language: 'promql', query: '', pattern: '' },
    ...{ values: [], multiple: false, all: false, default: [] },
  };
}

/** A panel of a kind, with the queries that fit it. */
export function panelOf(kind: Kind, id: number, queries: PanelQuery[] = []): PanelSpec {
  return {
    ...{ id, kind, title: '', description: '', queries, unit: '', thresholds: [], reduce: 'last', draw: 'line' },
    ...{ stacked: false, text: '', service: '', limit: 100 },
    grid: { x: 0, y: 0, w: kind === 'row' ? 24 : 12, h: kind === 'row' ? 1 : 8 },
  };
}

/** The dashboard with one panel more, below all others. */
export function withPanel(dashboard: Dashboard, panel: PanelSpec): Dashboard {
  const id = Math.max(0, ...dashboard.panels.map((each) => each.id)) + 1;
  const grid = { ...panel.grid, x: 0, y: bottom(dashboard.panels) };
  return { ...dashboard, panels: [...dashboard.panels, { ...panel, id, grid }] };
}

/** A panel as another kind: queries that it cannot ask go. */
export function asKind(panel: PanelSpec, kind: Kind): PanelSpec {
  const { languages, one } = KINDS[kind];
  const queries = panel.queries.filter(({ language }) => languages.includes(language));
  return { ...panel, kind, queries: one ? queries.slice(0, 1) : queries };
}
