import { Button, Group } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type Complete, QueryField } from './QueryField';

interface Props {
  label: string;
  value: string;
  placeholder: string;
  run: (text: string) => void;
  complete?: Complete;
  running?: boolean;
  children?: ReactNode;
}

/** A query with completion: Enter runs it, Shift-Enter breaks the line. */
export function QueryBar({ label, value, placeholder, run, complete, running, children }: Props) {
  const [text, setText] = useState(value);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => setText(value), [value]);
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        run(text.trim());
      }}
    >
      <Group gap="xs" align="flex-start">
        <QueryField
          {...{ label, placeholder, complete }}
          value={text}
          change={setText}
          enter={() => form.current?.requestSubmit()}
          search
        />
        <Button type="submit" loading={running}>
          Run
        </Button>
        {children}
      </Group>
    </form>
  );
}
