/** A policy document as YAML that a form changes in places: what it does not touch, comments too, stays as it is. */

import { type Document, isMap, isSeq, parseDocument } from 'yaml';

export type Path = readonly (string | number)[];

export interface Opened {
  /** The set's own fields, as plain values. */
  set: Record<string, unknown>;
  /** Where they stand in the document. */
  base: Path;
}

const PROCESSOR = /^tail_sampling(?:\/.*)?$/;

/** The set, wherever in the document it stands; a text: why it cannot be shown as a form. */
export function openPolicies(text: string): Opened | string {
  const document = parseDocument(text);
  const [wrong] = document.errors;
  if (wrong) return wrong.message.split('\n')[0] ?? 'This is no YAML';
  const plain: unknown = document.toJS();
  const base = findSet(plain);
  const set = base && at(plain, base);
  return base && isRecord(set) ? { set, base } : 'There is no list of `policies` in this document';
}

function findSet(plain: unknown): Path | null {
  if (!isRecord(plain)) return null;
  if ('policies' in plain) return [];
  const inside = isRecord(plain.processors) ? (['processors'] as const) : [];
  const names = Object.keys(at(plain, inside) as Record<string, unknown>).filter((name) => PROCESSOR.test(name));
  return names.length === 1 ? [...inside, names[0] as string] : null;
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, step) => (found as Record<string | number, unknown>)?.[step], value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function change(text: string, act: (document: Document) => void): string {
  const document = parseDocument(text);
  act(document);
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}

/** With another value there; undefined takes it away. */
export function setAt(text: string, path: Path, value: unknown): string {
  return change(text, (document) => {
    if (value !== undefined) document.setIn(path, document.createNode(value, { flow: path.length > 2 }));
    else if (document.hasIn(path)) document.deleteIn(path);
    prune(document, path.slice(0, -1));
  });
}

/** A policy without fields has no empty mapping of them. */
function prune(document: Document, path: Path): void {
  const parent = path.length > 2 ? document.getIn(path) : undefined;
  if (isMap(parent) && parent.items.length === 0) document.deleteIn(path);
}

export function addTo(text: string, path: Path, value: unknown): string {
  return change(text, (document) => {
    if (isSeq(document.getIn(path))) document.addIn(path, document.createNode(value, { flow: true }));
    else document.setIn(path, document.createNode([value], { flow: false }));
  });
}

export function moveIn(text: string, path: Path, from: number, to: number): string {
  return change(text, (document) => {
    const list = document.getIn(path);
    if (!isSeq(list)) return;
    const [item] = list.items.splice(from, 1);
    list.items.splice(to, 0, item as (typeof list.items)[number]);
  });
}
