import { Select, type SelectProps } from '@mantine/core';

interface Props<T extends string> extends Omit<SelectProps, 'value' | 'onChange' | 'data'> {
  of: Record<T, string>;
  value: T;
  choose: (next: T) => void;
}

/** One of a few words that mean something, each with what it is called; never none of them. */
export function Choice<T extends string>({ of, choose, ...rest }: Props<T>) {
  const data = Object.entries<string>(of).map(([value, label]) => ({ value, label }));
  return <Select {...rest} data={data} allowDeselect={false} onChange={(next) => next && choose(next as T)} />;
}
