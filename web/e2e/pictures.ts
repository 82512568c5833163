/** `make screenshots`: every view on a desktop, some in the dark and on a phone, into docs/images. */

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, inject, test } from 'vitest';
import { DARK, DESKTOP, launch, open, PHONE } from './browser';
import { rolledUp } from './server';
import { SLOW } from './shop';
import { VIEWS } from './views';

const FOLDER = process.env.PICTURES ?? resolve(import.meta.dirname, '../../docs/images');
const ALL_KINDS = new Set(['overview', 'service', 'map', 'trace', 'logs']);
const KINDS: [string, BrowserContextOptions][] = [
  ['', DESKTOP],
  ['-dark', DARK],
  ['-phone', PHONE],
];

let browser: Browser;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  browser = await launch();
  await rolledUp(inject('url'));
});
afterAll(() => browser.close());

test.each(VIEWS)('$name', async ({ name, path }) => {
  for (const [kind, options] of ALL_KINDS.has(name) ? KINDS : KINDS.slice(0, 1)) {
    const page = await open(browser, inject('url') + path, options);
    if (name === 'trace' || name === 'trace-flames') await page.getByText(SLOW.operation).first().click();
    await page.waitForLoadState('networkidle');
    await page.screenshot({ path: join(FOLDER, `${name}${kind}.png`) });
    await page.context().close();
  }
});
