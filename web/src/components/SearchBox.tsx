import { TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';

const PAUSE_MS = 200;

interface Props extends Omit<TextInputProps, 'value' | 'onChange'> {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}

/** A text to search by. Keys are painted at once; what they find is asked for when they pause. */
export function SearchBox({ label, value, onSearch, ...looks }: Props) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const search = useDebouncedCallback((wanted: string) => {
    sent.current = wanted;
    onSearch(wanted);
  }, PAUSE_MS);
  // Changed by somebody else: a link, or the back button.
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  return (
    <TextInput
      aria-label={label}
      data-search
      {...looks}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        search(event.currentTarget.value);
      }}
    />
  );
}
