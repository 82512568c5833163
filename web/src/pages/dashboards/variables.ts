/** Variables: what was chosen, in the URL, and in the texts of queries. */

import type { Language, Variable } from './model';

export const ALL = '$__all';
const PREFIX = 'var-';
const NAME = /\$\{(\w+)\}|\$(\w+)/g;

/** The variables' names -> values; for queries, titles and legends. */
export interface Values {
  [name: string]: { values: string[]; several: boolean; all?: boolean };
}

export interface Times {
  startMs: number;
  endMs: number;
  /** Seconds. */
  step: number;
}

export type Chosen = Record<string, string>;

/** Commas part values in the URL: those within one are escaped. */
export function writeChoice(values: readonly string[]): string {
  return values.map((value) => value.replace(/[%,]/g, encodeURIComponent)).join(',');
}

export function readChoice(text: string | undefined): string[] {
  return text ? text.split(',').map((part) => part.replace(/%(25|2C)/g, decodeURIComponent)) : [];
}

/** The entries of a page's URL that choose values. */
export function chosenOf(search: Record<string, unknown>): Chosen {
  const entries = Object.entries(search).filter(([name, value]) => name.startsWith(PREFIX) && value !== '');
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

export function nameInUrl(variable: Variable): string {
  return PREFIX + variable.name;
}

/** What a variable stands for: the URL's choice, else its default, else the first value that there is. */
export function choose(variable: Variable, chosen: Chosen, options: readonly string[]): string[] {
  const given = readChoice(chosen[nameInUrl(variable)]);
  if (variable.kind === 'constant') return variable.default.slice(0, 1);
  if (given.length > 0) return variable.multiple ? given : given.slice(0, 1);
  if (variable.kind === 'text') return variable.default.slice(0, 1);
  if (variable.default.length > 0) return variable.multiple ? variable.default : variable.default.slice(0, 1);
  return variable.all ? [ALL] : options.slice(0, 1);
}

export function valuesOf(variable: Variable, choice: readonly string[], options: readonly string[]): Values[string] {
  const all = choice.includes(ALL);
  return { values: [...(all ? options : choice)], several: variable.multiple || variable.all, ...(all ? { all } : {}) };
}

/** `$__interval` and its like. */
function known({ startMs, endMs, step }: Times): Record<string, string> {
  const rangeS = Math.max(1, Math.round((endMs - startMs) / 1000));
  return {
    __interval: `${step}s`,
    __interval_ms: String(step * 1000),
    __rate_interval: `${Math.max(60, step + 15)}s`,
    __range: `${rangeS}s`,
    __range_s: String(rangeS),
    __range_ms: String(rangeS * 1000),
    __from: String(Math.round(startMs)),
    __to: String(Math.round(endMs)),
  };
}

const inString = (text: string) => text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
const inPattern = (text: string) => inString(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));

/** What All stands for while no value is known: LogQL takes no pattern that is met by nothing. */
const ANYTHING = '.+';

/** A query with its variables written in, escaped for the texts that they stand in. SQL binds them: see `bind`. */
export function fillQuery(text: string, language: Language, values: Values, times: Times): string {
  if (language === 'sql') return text;
  const own = known(times);
  return text.replace(NAME, (whole, braced, bare) => {
    const name: string = braced ?? bare;
    const found = values[name];
    if (!found) return own[name] ?? whole;
    if (!found.several) return inString(found.values[0] ?? '');
    if (found.values.length === 0) return ANYTHING;
    const escaped = found.values.map(inPattern);
    return escaped.length === 1 ? (escaped[0] ?? '') : `(${escaped.join('|')})`;
  });
}

/** A title, a legend, a text: values as they are. */
export function fillText(text: string, values: Values): string {
  return text.replace(NAME, (whole, braced, bare) => {
    const found = values[braced ?? bare];
    return found ? (found.all ? 'All' : found.values.join(', ')) : whole;
  });
}

/** Values of the `{name:Type}` of a query in SQL: the range, the step, the variables. */
export function bind(text: string, values: Values, times: Times): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const [, name = '', type = ''] of text.matchAll(/\{(\w+)\s*:\s*([\w() ,]+)\}/g)) {
    const found = values[name];
    if (name === 'from' || name === 'to') params[name] = (name === 'from' ? times.startMs : times.endMs) / 1000;
    else if (name === 'step') params[name] = times.step;
    else if (found) params[name] = type.startsWith('Array') ? found.values : (found.values[0] ?? '');
  }
  return params;
}

/** Names of variables that a text has. */
export function namesIn(text: string): string[] {
  return [...text.matchAll(NAME)].map(([, braced, bare]) => braced ?? bare ?? '');
}
