/** The queries that were asked last in this browser: texts alone, by language and tenant. */

const KEPT = 20;
const LONGEST = 4000;

function keyOf(language: string, tenant: string): string {
  return `traceo-recent ${language} ${tenant}`;
}

export function readRecent(language: string, tenant: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(keyOf(language, tenant)) ?? '[]');
    return Array.isArray(found) ? found.filter((text): text is string => typeof text === 'string') : [];
  } catch {
    return [];
  }
}

/** Newest first, each once. A full or forbidden storage is no reason to stop anybody. */
export function remember(language: string, tenant: string, text: string): void {
  if (!text || text.length > LONGEST) return;
  const next = [text, ...readRecent(language, tenant).filter((each) => each !== text)].slice(0, KEPT);
  try {
    localStorage.setItem(keyOf(language, tenant), JSON.stringify(next));
  } catch {
    // Not remembered, then.
  }
}

export function forget(language: string, tenant: string): void {
  localStorage.removeItem(keyOf(language, tenant));
}
