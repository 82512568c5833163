/** Every page, light, dark and on a phone: no violation of WCAG 2.1 AA, a quiet console, nothing wider than the window. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { launch, open, PHONE, violations } from './browser';
import { STATES, VIEWS } from './views';

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** What the browser itself says of an answer that is an error: the page shows it as it should. */
const EXPECTED = /Failed to load resource/;

test.each([...VIEWS, ...STATES])('$name', async ({ path }) => {
  const page = await open(browser, inject('url') + path);
  expect.soft(await violations(page), 'light').toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
  await page.waitForFunction(() => document.getAnimations().length === 0);
  expect.soft(await violations(page), 'dark').toEqual([]);
  await page.setViewportSize(PHONE.viewport);
  expect.soft(await violations(page), 'phone').toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(wider, 'pixels wider than a phone').toBeLessThanOrEqual(0);
  expect.soft(page.complaints.filter((text) => !EXPECTED.test(text))).toEqual([]);
  expect(await page.title()).toMatch(/Traceo$/);
  await page.context().close();
});
