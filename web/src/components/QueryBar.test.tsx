import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { show } from '../test-render';
import { QueryBar } from './QueryBar';
import type { Suggestion } from './QueryField';

const WORDS: Suggestion[] = [{ text: 'rate', about: 'per second' }, { text: 'rate_limit' }, { text: 'sum' }];
const complete = (word: string) => (word ? WORDS.filter(({ text }) => text.startsWith(word)) : []);

async function open(value = '') {
  const run = vi.fn();
  const page = await show(<QueryBar label="PromQL" value={value} placeholder="up" run={run} complete={complete} />);
  return { ...page, run, box: screen.getByRole('textbox', { name: 'PromQL' }) };
}

test('Enter runs what was written, Shift and Enter break the line', async () => {
  const { user, run, box } = await open();
  await user.type(box, ' up{Shift>}{Enter}{/Shift}or down ');
  expect(run).not.toHaveBeenCalled();
  await user.keyboard('{Enter}');
  expect(run).toHaveBeenCalledWith('up\nor down');
});

test('a word is completed by arrows and Tab, and what runs is the whole query', async () => {
  const { user, run, box } = await open();
  await user.type(box, 'sum(ra');
  const options = screen.getAllByRole('option');
  expect(options.map((option) => option.textContent)).toEqual(['rate per second', 'rate_limit ']);
  expect(options[0]?.getAttribute('aria-selected')).toBe('true');
  await user.keyboard('{ArrowDown}');
  expect(box.getAttribute('aria-activedescendant')).toBe(screen.getAllByRole('option')[1]?.id);
  await user.keyboard('{Tab}');
  expect(screen.queryByRole('listbox')).toBeNull();
  expect((box as HTMLTextAreaElement).value).toBe('sum(rate_limit');
  await user.click(screen.getByRole('button', { name: 'Run' }));
  expect(run).toHaveBeenCalledWith('sum(rate_limit');
});

test('Escape closes the suggestions, a click takes one', async () => {
  const { user, box } = await open();
  await user.type(box, 'su');
  await user.keyboard('{Escape}');
  expect(screen.queryByRole('listbox')).toBeNull();
  await user.clear(box);
  await user.type(box, 's');
  await user.click(screen.getByRole('option', { name: /sum/ }));
  expect((box as HTMLTextAreaElement).value).toBe('sum');
});
