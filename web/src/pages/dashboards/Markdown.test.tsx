import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Markdown } from './Markdown';

test('headings, lists, code, emphasis and links are shown', () => {
  const text =
    '# On *call*\nSee [the runbook](https://example.com/a) and\n**both** lists:\n\n- one `x`\n- two\n\n1. first\n\n```\na <b>\n```\n> said';
  const { container } = render(<Markdown text={text} />);
  expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('On call');
  expect(screen.getByRole('link').getAttribute('href')).toBe('https://example.com/a');
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['one x', 'two', 'first']);
  expect(container.querySelector('pre')?.textContent).toBe('a <b>');
  expect(container.querySelector('blockquote p')?.textContent).toBe('said');
});

test.each(['[x](javascript:alert(1))', '[x](//evil.example)', '<img src=x onerror=alert(1)>', '[x](data:text/html,a)'])(
  '%s stays text',
  (text) => {
    const { container } = render(<Markdown text={text} />);
    expect(container.querySelector('a, img')).toBeNull();
    expect(container.textContent).toBe(text);
  },
);

test.each(['***', '-', '> ', '#', '1.', '```', '* a', '[a](b', '>>> a'])('%s comes to an end', (text) => {
  expect(render(<Markdown text={text} />).container.firstChild).not.toBeNull();
});
