import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { spanOf } from '../lib/time';
import { PAGES } from './pages';
import { useShell } from './state';

const CHORD_MS = 1200;

/** The keys of the help sheet, wherever nobody is typing. */
export function useShortcuts(openHelp: () => void): void {
  const shell = useShell();
  const navigate = useNavigate();
  const chord = useRef(0);

  useEffect(() => {
    const shift = (sign: number) => {
      const { startMs, endMs } = spanOf(shell.range);
      const length = endMs - startMs;
      shell.setRange({
        from: String(Math.round(startMs + sign * length)),
        to: String(Math.round(endMs + sign * length)),
      });
    };
    const simple: Record<string, () => void> = {
      '?': openHelp,
      r: shell.refresh,
      '.': () => shell.setPaused(!shell.paused),
      d: () => shell.setDense(!shell.dense),
      '[': () => shift(-1),
      ']': () => shift(1),
      '/': () =>
        document
          .querySelector<HTMLElement>(
            '[data-search] input, [data-search] textarea, input[data-search], textarea[data-search]',
          )
          ?.focus(),
    };
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable) return;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || document.querySelector('[aria-modal="true"]')) return;
      const page = Date.now() - chord.current < CHORD_MS && PAGES.find(({ key }) => key === event.key);
      chord.current = event.key === 'g' ? Date.now() : 0;
      const act = page ? () => void navigate({ to: page.to } as never) : simple[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [shell, navigate, openHelp]);
}
