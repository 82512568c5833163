import { Textarea } from '@mantine/core';
import { useRef, useState } from 'react';
import { flushSync } from 'react-dom';

export interface Suggestion {
  text: string;
  about?: string;
}

/** What the last word may become; asked with every key. */
export type Complete = (word: string, before: string) => Suggestion[];

export interface QueryFieldProps {
  label: string;
  value: string;
  placeholder: string;
  change: (text: string) => void;
  complete?: Complete;
  /** What Enter does, without Shift; else it breaks the line. */
  enter?: () => void;
  minRows?: number;
  maxRows?: number;
  maxLength?: number;
  /** The field of the page that `/` leads to. */
  search?: boolean;
}

const WORD = /[\w.:-]*$/;
const SHOWN = 12;

/** Text of a query with completion: arrows and Tab choose a suggestion, Escape closes them. */
export function QueryField(props: QueryFieldProps) {
  const { label, value, placeholder, change, complete, enter, minRows = 1, maxRows = 8, maxLength, search } = props;
  const [caret, setCaret] = useState<number | null>(null);
  const [place, setPlace] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const before = caret === null ? '' : value.slice(0, caret);
  const word = WORD.exec(before)?.[0] ?? '';
  const offered =
    caret === null || !complete
      ? []
      : complete(word, before)
          .filter(({ text: each }) => each !== word)
          .slice(0, SHOWN);
  const take = (suggestion: Suggestion) => {
    const start = before.length - word.length;
    const at = start + suggestion.text.length;
    // At once: the next key may come before the next frame.
    flushSync(() => {
      change(value.slice(0, start) + suggestion.text + value.slice(before.length));
      setCaret(null);
    });
    area.current?.setSelectionRange(at, at);
  };
  const press = (event: React.KeyboardEvent) => {
    const chosen = offered[place];
    if (chosen && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setPlace((place + (event.key === 'ArrowDown' ? 1 : offered.length - 1)) % offered.length);
    } else if (chosen && event.key === 'Tab') {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Escape') {
      setCaret(null);
    } else if (enter && event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      setCaret(null);
      enter();
    }
  };
  const id = `${label.replace(/\W/g, '-')}-suggestions`;
  return (
    <div style={{ position: 'relative', flex: '1 1 200px', minWidth: 0 }}>
      <Textarea
        ref={area}
        aria-label={label}
        aria-haspopup="listbox"
        aria-controls={offered.length > 0 ? id : undefined}
        aria-autocomplete="list"
        aria-activedescendant={offered.length > 0 ? `${id}-${place}` : undefined}
        value={value}
        placeholder={placeholder}
        autosize
        {...{ minRows, maxRows, maxLength }}
        spellCheck={false}
        data-search={search || undefined}
        data-mantine-stop-propagation={offered.length > 0 || undefined} // Escape closes them, not the dialog around
        styles={{ input: { fontFamily: 'var(--mono)', fontSize: 13 } }}
        onChange={(event) => {
          change(event.currentTarget.value);
          setCaret(event.currentTarget.selectionStart);
          setPlace(0);
        }}
        onBlur={() => setCaret(null)}
        onKeyDown={press}
      />
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
    </div>
  );
}
