/** Search values are written as they are, not as JSON: links can be read and typed. */
export const SEARCH_AS_TEXT = {
  parseSearch: (text: string): Record<string, string> => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search: Record<string, unknown>): string => {
    const kept = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== '');
    const written = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
    return written ? `?${written}` : '';
  },
};
