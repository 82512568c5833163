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
