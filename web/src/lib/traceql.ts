/** TraceQL as text. */

const SERVICE = /resource\.service\.name\s*=\s*"(?:[^"\\]|\\.)*"/;

/** What stands between the braces of a query of one spanset; null: it has more than that. */
export function conditionsOf(query: string): string | null {
  const found = /^\s*\{((?:[^{}"`]|"(?:[^"\\]|\\.)*"|`[^`]*`)*)\}\s*$/.exec(query);
  return found ? (found[1] ?? '').trim() : null;
}

/** The query of what does not meet it: within the same service, when it names one. Null: nobody could say. */
export function restOf(query: string): string | null {
  const conditions = conditionsOf(query);
  if (!conditions) return null;
  const service = SERVICE.exec(conditions)?.[0];
  const others = service
    ? conditions
        .replace(service, '')
        .replace(/^\s*&&\s*|\s*&&\s*$/g, '')
        .replace(/&&\s*&&/g, '&&')
        .trim()
    : conditions;
  if (!others) return null;
  return service ? `{ ${service} && !(${others}) }` : `{ !(${others}) }`;
}

/** The same without its conditions on `duration`, which another choice replaces. */
export function withoutDurations(conditions: string): string {
  const kept = conditions.split('&&').filter((part) => !/^\s*duration\s*[<>]=?\s*[\d.]+\w+\s*$/.test(part));
  return kept.join('&&').trim();
}

export interface Part {
  field: string;
  op: string;
  value: string;
}

export const OPERATORS = ['=', '!=', '>', '>=', '<', '<=', '=~', '!~'];

const PART = /^((?:span|resource|event|link|instrumentation)?\.?[\w.:-]+)\s*(=~|!~|!=|>=|<=|=|>|<)\s*(.+)$/;
const TEXT = /^"((?:[^"\\]|\\.)*)"$/;
const BARE = /^(?:-?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)?|true|false|nil)$/;
/** Fields whose values are words of the language. */
const WORDS = new Set(['status', 'kind', 'span:status', 'span:kind']);

/** `{ a = "b" && c > 1s }` as a list; null: the query says more than that. */
export function readParts(query: string): Part[] | null {
  const conditions = conditionsOf(query);
  if (conditions === null) return null;
  if (!conditions) return [];
  const parts = splitAnd(conditions).map((text) => {
    const [, field = '', op = '', value = ''] = PART.exec(text.trim()) ?? [];
    const quoted = TEXT.exec(value);
    if (!field || (!quoted && !BARE.test(value) && !/^[a-z]+$/.test(value))) return null;
    return { field, op, value: quoted ? (JSON.parse(value) as string) : value };
  });
  return parts.every((part) => part !== null) ? parts : null;
}

/** Split at `&&` outside texts. */
function splitAnd(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|&&/g)) {
    if (found[0] !== '&&') continue;
    parts.push(text.slice(from, found.index));
    from = found.index + 2;
  }
  return [...parts, text.slice(from)];
}

/** Numbers, durations and words stand bare, where the field's values are of that kind; all else is quoted. */
export function writeParts(parts: readonly Part[]): string {
  const texts = parts
    .filter(({ field, value }) => field && value !== '')
    .map(({ field, op, value }) => {
      const pattern = op === '=~' || op === '!~';
      const bare = !pattern && (BARE.test(value) || (WORDS.has(field) && /^[a-z]+$/.test(value)));
      return `${field} ${op} ${bare ? value : JSON.stringify(value)}`;
    });
  return texts.length > 0 ? `{ ${texts.join(' && ')} }` : '{ }';
}
