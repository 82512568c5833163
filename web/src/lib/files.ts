/** Tables and pictures as files: what is shown, to take along. */

export type Cell = string | number | boolean | null | undefined;

export interface Sheet {
  columns: string[];
  rows: Cell[][];
}

/** A text that a spreadsheet would take for a formula; numbers are none. */
const FORMULA = /^[=+\-@\t\r]/;

/** RFC 4180. What begins like a formula gets an apostrophe, because names and values come from outside. */
export function toCsv({ columns, rows }: Sheet): string {
  return [columns, ...rows].map((row) => row.map(cellText).join(',')).join('\r\n');
}

function cellText(value: Cell): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const plain = String(value ?? '');
  const text = FORMULA.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An object for each row. */
export function toJson({ columns, rows }: Sheet): string {
  return JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place] ?? null]))),
    null,
    2,
  );
}

/** "sum by (service) (rate(x[5m]))" -> "sum-by-service-rate-x-5m". */
export function fileName(text: string): string {
  const kept = text
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);
  return kept || 'traceo';
}

/** Lets the browser save it. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** The cells of a table in the document: every row must be in it. */
export function readTable(table: HTMLTableElement): Sheet {
  const texts = (row: HTMLTableRowElement) => [...row.cells].map((cell) => (cell.textContent ?? '').trim());
  const [head, ...body] = [...table.rows];
  return { columns: head ? texts(head) : [], rows: body.map(texts) };
}
