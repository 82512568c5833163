import { forwardRef, type ReactNode } from 'react';

interface Props {
  label: string;
  maxHeight: string | number;
  className?: string;
  children: ReactNode;
}

/** A part of a page that scrolls by itself, also by keyboard. */
export const Scroll = forwardRef<HTMLElement, Props>(function Scroll({ label, maxHeight, className, children }, ref) {
  return (
    <section
      ref={ref}
      className={className}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it, it could not be scrolled by keyboard
      tabIndex={0}
      style={{ overflow: 'auto', maxHeight, minWidth: 0 }}
    >
      {children}
    </section>
  );
});
