/** Colours and sizes. What a colour means is said in words and shapes beside it as well. */

import { createTheme, type MantineColorsTuple } from '@mantine/core';

const indigo: MantineColorsTuple = [
  '#edf2ff',
  '#dbe4ff',
  '#bac8ff',
  '#91a7ff',
  '#748ffc',
  '#5c7cfa',
  '#4263eb',
  '#3b5bdb',
  '#364fc7',
  '#2b3f9e',
];

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  luminanceThreshold: 0.25,
  colors: { indigo },
  defaultRadius: 'sm',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  components: {
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, events: { hover: true, focus: true, touch: true } } },
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs' } },
    // A dialog's head is no banner of the page; where a dialog has a title, that names it, and the palette has none.
    ModalHeader: { defaultProps: { role: 'none' } },
    ModalContent: { defaultProps: { 'aria-label': 'Find' } },
    // What locks the page's scroll adds a style element without the nonce.
    Modal: { defaultProps: { lockScroll: false, closeButtonProps: { 'aria-label': 'Close' } } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
  },
});

/** Series of charts, far apart for people who see few colours as well (after Okabe and Ito), on light and on dark. */
const SERIES = {
  light: ['#3b5bdb', '#d9480f', '#087f5b', '#ae3ec9', '#0b7285', '#8a6700', '#c2255c', '#5c940d', '#495057', '#1971c2'],
  dark: ['#91a7ff', '#ffa94d', '#63e6be', '#e599f7', '#66d9e8', '#ffe066', '#faa2c1', '#c0eb75', '#ced4da', '#74c0fc'],
} as const;

export function seriesColor(place: number, dark: boolean): string {
  const colors = dark ? SERIES.dark : SERIES.light;
  return colors[place % colors.length] ?? colors[0];
}

/** The same service has the same colour on every page. */
export function serviceColor(name: string, dark: boolean): string {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return seriesColor(hash, dark);
}
