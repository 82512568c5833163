import { createElement, type ReactNode } from 'react';

const INLINE = /(`[^`\n]+`|\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*\*|\[[^\]\n]+\]\([^)\s]+\))/g;
const SAFE = /^(https?:\/\/|\/(?!\/)|#|mailto:)/i;
const PLAIN = /^(?!#{1,6}\s|```|\s*[-*+]\s|\s*\d+[.)]\s|>|\s*$)/;

/** A little of Markdown: headings, lists, quotes, code, emphasis, links. HTML stays the text that it is. */
export function Markdown({ text }: { text: string }) {
  return createElement('div', { className: 'markdown' }, ...blocks(text.split('\n')));
}

function blocks(lines: string[]): ReactNode[] {
  const found: ReactNode[] = [];
  let at = 0;
  /** The lines from here on that belong together, without what marks them. */
  const take = (mark: RegExp): string[] => {
    const taken: string[] = [];
    for (; at < lines.length && mark.test(lines[at] ?? ''); at += 1) taken.push((lines[at] ?? '').replace(mark, ''));
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) {
      // A panel has a heading of level 2 above it.
      const level = Math.min(6, 2 + (heading[1]?.length ?? 1));
      found.push(createElement(`h${level}`, null, ...inline(heading[2] ?? '')));
      at += 1;
    } else if (line.startsWith('```')) {
      const end = lines.findIndex((each, place) => place > at && each.startsWith('```'));
      found.push(createElement('pre', null, lines.slice(at + 1, end < 0 ? undefined : end).join('\n')));
      at = end < 0 ? lines.length : end + 1;
    } else if (/^\s*[-*+]\s/.test(line)) {
      found.push(createElement('ul', null, ...items(take(/^\s*[-*+]\s+/))));
    } else if (/^\s*\d+[.)]\s/.test(line)) {
      found.push(createElement('ol', null, ...items(take(/^\s*\d+[.)]\s+/))));
    } else if (line.startsWith('>')) {
      found.push(createElement('blockquote', null, ...blocks(take(/^>\s?/))));
    } else if (line.trim() === '') {
      at += 1;
    } else {
      found.push(createElement('p', null, ...inline(take(PLAIN).join('\n'))));
    }
  }
  return found;
}

function items(texts: string[]): ReactNode[] {
  return texts.map((text) => createElement('li', null, ...inline(text)));
}

function inline(text: string): ReactNode[] {
  return text.split(INLINE).map((part) => {
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
    if (link?.[2] && SAFE.test(link[2]))
      return createElement('a', { className: 'link', href: link[2], rel: 'noopener noreferrer' }, link[1]);
    if (/^`.+`$/.test(part)) return createElement('code', null, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return createElement('b', null, part.slice(2, -2));
    if (/^\*.+\*$/.test(part)) return createElement('em', null, part.slice(1, -1));
    return part;
  });
}
