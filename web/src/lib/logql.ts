/** LogQL as text: conditions put in and taken out by clicks. */

const SELECTOR = /^\s*\{((?:[^{}"`]|"(?:[^"\\]|\\.)*"|`[^`]*`)*)\}/;
const MATCHER = /[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`)/g;

/** Of a stream's label the selector, of any other field a filter behind it. */
export function narrow(query: string, name: string, value: string, keep: boolean, isLabel: boolean): string {
  const sign = keep ? '=' : '!=';
  const found = SELECTOR.exec(query);
  if (isLabel && found) {
    const without = ((found[1] ?? '').match(MATCHER) ?? []).filter(
      (part) => !part.startsWith(`${name}=~".+"`) && part !== `${name}=${JSON.stringify(value)}`,
    );
    return `{${[...without, `${name}${sign}${JSON.stringify(value)}`].join(', ')}}${query.slice(found[0].length)}`;
  }
  return `${query.trim()} | ${name}${sign}${JSON.stringify(value)}`;
}

/** Whether the query is one of lines, not of numbers. */
export function selectsLines(query: string): boolean {
  return /^\s*\{/.test(query);
}

export function countQuery(query: string, stepS: number): string {
  return `sum by (detected_level) (count_over_time(${query} [${stepS}s]))`;
}
