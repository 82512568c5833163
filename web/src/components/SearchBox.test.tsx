import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SearchBox } from './SearchBox';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('keys are shown at once, searched for when they pause, and give way to a link', () => {
  const onSearch = vi.fn();
  const box = (value: string) => (
    <MantineProvider env="test">
      <SearchBox label="Find" value={value} onSearch={onSearch} />
    </MantineProvider>
  );
  const { rerender } = render(box(''));
  const input = () => screen.getByLabelText<HTMLInputElement>('Find');
  for (const value of ['c', 'ca', 'cart']) fireEvent.change(input(), { target: { value } });
  expect(input().value).toBe('cart');
  expect(onSearch).not.toHaveBeenCalled();
  vi.advanceTimersByTime(300);
  expect(onSearch.mock.calls).toEqual([['cart']]);
  rerender(box('cart'));
  fireEvent.change(input(), { target: { value: 'carts' } });
  rerender(box('cart')); // what was found, while somebody goes on typing
  expect(input().value).toBe('carts');
  rerender(box('other'));
  expect(input().value).toBe('other');
});
