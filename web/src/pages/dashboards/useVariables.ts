import { useEffect, useMemo, useState } from 'react';
import { withQuery } from '../../api/ahead';
import type { ApiError } from '../../api/client';
import { fill } from '../../api/client';
import type { Grid } from '../../lib/matrix';
import { type Matrix, seriesName } from '../../lib/matrix';
import type { SqlAnswer } from './answers';
import { type Ask, useAnswers } from './asks';
import type { Variable } from './model';
import { bind, type Chosen, choose, fillQuery, type Times, type Values, valuesOf } from './variables';

const MOST = 500;
const FORM = /^\s*(label_values|label_names|metrics|query_result)\s*\(([\s\S]*)\)\s*$/;

type Options = Record<string, string[]>;

interface Resolved {
  values: Values;
  choices: Record<string, string[]>;
  options: Options;
  error: ApiError | null;
  /** Whether every variable has a value. */
  ready: boolean;
}

/** What the variables of a dashboard stand for; one may name those before it. */
export function useVariables(variables: Variable[], chosen: Chosen, times: Times, grid: Grid): Resolved {
  const [asked, setAsked] = useState<Options>({});
  const { values, choices, options, asks, askers } = useMemo(
    () => resolve(variables, chosen, asked, times, grid),
    [variables, chosen, asked, times, grid],
  );
  const answers = useAnswers(asks);
  const found = answers.data
    ? JSON.stringify(
        Object.fromEntries(askers.map((variable, at) => [variable.name, optionsOf(variable, answers.data?.[at])])),
      )
    : '';
  useEffect(() => {
    if (found) setAsked(JSON.parse(found) as Options);
  }, [found]);
  const ready = answers.error !== null || askers.every(({ name }) => asked[name] !== undefined);
  return { values, choices, options, error: answers.error, ready };
}

function resolve(variables: Variable[], chosen: Chosen, asked: Options, times: Times, grid: Grid) {
  const values: Values = {};
  const choices: Record<string, string[]> = {};
  const options: Options = {};
  const asks: Ask[] = [];
  const askers: Variable[] = [];
  for (const variable of variables) {
    if (variable.kind === 'query') {
      askers.push(variable);
      asks.push(askVariable(variable, values, times, grid));
    }
    const own = variable.kind === 'query' ? (asked[variable.name] ?? []) : variable.values;
    const choice = choose(variable, chosen, own);
    options[variable.name] = own;
    choices[variable.name] = choice;
    values[variable.name] = valuesOf(variable, choice, own) as Values[string];
  }
  return { values, choices, options, asks, askers };
}

/** `label_values(selector, label)` and its like as requests. */
export function askVariable(variable: Variable, values: Values, times: Times, grid: Grid): Ask {
  const text = fillQuery(variable.query, variable.language, values, times);
  if (variable.language === 'sql')
    return { path: '/api/v1/sql', body: { query: text, params: bind(text, values, times) } };
  const api = variable.language === 'promql' ? '/prometheus/api/v1' : '/loki/api/v1';
  const [, form = '', inner = ''] = FORM.exec(text) ?? [];
  const range = { start: Math.floor(grid.start), end: Math.ceil(grid.end) };
  if (form === 'query_result') return { path: withQuery(`${api}/query`, { query: inner, time: range.end }) };
  if (form === 'label_names') return { path: withQuery(`${api}/labels`, range) };
  const comma = inner.lastIndexOf(',');
  const label = form === 'metrics' ? '__name__' : inner.slice(comma + 1).trim();
  const selector = form === 'metrics' || comma < 0 ? '' : inner.slice(0, comma).trim();
  const narrowed = variable.language === 'promql' ? { 'match[]': selector } : { query: selector };
  return { path: withQuery(fill(`${api}/label/{label}/values`, { label }), { ...range, ...narrowed }) };
}

/** The values in an answer that meet the variable's pattern; of a pattern with a group, that. */
export function optionsOf(variable: Variable, answer: unknown): string[] {
  const form = FORM.exec(variable.query);
  const pattern = patternOf(form?.[1] === 'metrics' && !variable.pattern ? (form[2] ?? '') : variable.pattern);
  const kept = textsOf(variable, answer).flatMap((text) => {
    const found = pattern ? pattern.exec(text) : [text];
    return found ? [found[1] ?? text] : [];
  });
  return [...new Set(kept)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).slice(0, MOST);
}

function textsOf(variable: Variable, answer: unknown): string[] {
  if (variable.language === 'sql') return (answer as SqlAnswer).rows.map(([value]) => String(value));
  const { data } = answer as { data: string[] | Matrix['data'] };
  if (Array.isArray(data)) return data.map(String);
  return data.result.map(({ metric, value }) => `${seriesName(metric)} ${value?.[1] ?? ''}`);
}

/** A pattern that is none keeps everything. */
function patternOf(text: string): RegExp | null {
  try {
    return text.trim() ? new RegExp(text.trim()) : null;
  } catch {
    return null;
  }
}
