import { Button, Group, Textarea } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';

export interface Suggestion {
  text: string;
  about?: string;
}

interface Props {
  label: string;
  value: string;
  placeholder: string;
  run: (text: string) => void;
  /** What the last word may become; asked with every key. */
  complete?: (word: string, before: string) => Suggestion[];
  running?: boolean;
  children?: ReactNode;
}

const WORD = /[\w.:-]*$/;
const SHOWN = 12;

/** A query with completion: Enter runs it, Shift-Enter breaks the line, arrows and Tab choose a suggestion. */
export function QueryBar({ label, value, placeholder, run, complete, running, children }: Props) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState<number | null>(null);
  const [place, setPlace] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => setText(value), [value]);
  const before = caret === null ? '' : text.slice(0, caret);
  const word = WORD.exec(before)?.[0] ?? '';
  const offered =
    caret === null || !complete
      ? []
      : complete(word, before)
          .filter(({ text: each }) => each !== word)
          .slice(0, SHOWN);
  const take = (suggestion: Suggestion) => {
    const start = before.length - word.length;
    const next = text.slice(0, start) + suggestion.text + text.slice(before.length);
    setText(next);
    setCaret(null);
    const at = start + suggestion.text.length;
    requestAnimationFrame(() => area.current?.setSelectionRange(at, at));
  };
  const id = `${label.replace(/\W/g, '-')}-suggestions`;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setCaret(null);
        run(text.trim());
      }}
      style={{ position: 'relative' }}
    >
      <Group gap="xs" align="flex-start">
        <Textarea
          ref={area}
          aria-label={label}
          aria-haspopup="listbox"
          aria-controls={offered.length > 0 ? id : undefined}
          aria-autocomplete="list"
          aria-activedescendant={offered.length > 0 ? `${id}-${place}` : undefined}
          value={text}
          placeholder={placeholder}
          autosize
          minRows={1}
          maxRows={8}
          spellCheck={false}
          data-search
          style={{ flex: '1 1 200px', minWidth: 0 }}
          styles={{ input: { fontFamily: 'var(--mono)', fontSize: 13 } }}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setCaret(event.currentTarget.selectionStart);
            setPlace(0);
          }}
          onBlur={() => setCaret(null)}
          onKeyDown={(event) => {
            if (offered.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
              event.preventDefault();
              setPlace((place + (event.key === 'ArrowDown' ? 1 : offered.length - 1)) % offered.length);
            } else if (offered.length > 0 && event.key === 'Tab') {
              event.preventDefault();
              const chosen = offered[place];
              if (chosen) take(chosen);
            } else if (event.key === 'Escape') {
              setCaret(null);
            } else if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }
          }}
        />
        <Button type="submit" loading={running}>
          Run
        </Button>
        {children}
      </Group>
      {offered.length > 0 && (
        <ul
          id={id}
          className="panel mono"
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the list of a combobox
          role="listbox"
          aria-label="Suggestions"
          style={{
            position: 'absolute',
            zIndex: 20,
            margin: 0,
            padding: 4,
            listStyle: 'none',
            fontSize: 12,
            minWidth: 280,
            maxWidth: '90%',
            boxShadow: '0 4px 12px rgb(0 0 0 / 20%)',
          }}
        >
          {offered.map((suggestion, each) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the text area has the keys
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the text area
            <li
              key={suggestion.text}
              id={`${id}-${each}`}
              // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: of a combobox
              role="option"
              aria-selected={each === place}
              className="cut"
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(suggestion)}
              style={{
                padding: '3px 8px',
                cursor: 'pointer',
                background: each === place ? 'color-mix(in srgb, var(--accent) 16%, transparent)' : undefined,
              }}
            >
              {suggestion.text} <span className="quiet">{suggestion.about}</span>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
