/** Every page, light, dark and on a phone: no violation of WCAG 2.1 AA, a quiet console, nothing wider than the window. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { launch, open, PHONE, violations } from './browser';
import { rolledUp } from './server';
import { STATES, VIEWS } from './views';

let browser: Browser;

beforeAll(async () => {
  await rolledUp(inject('url')); // pages show deploys and calls, however early they are looked at
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
  const wider = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await expect.poll(wider, { message: 'pixels wider than a phone' }).toBeLessThanOrEqual(0); // once charts have followed
  expect.soft(await violations(page), 'phone').toEqual([]);
  expect.soft(page.complaints.filter((text) => !EXPECTED.test(text))).toEqual([]);
  expect(await page.title()).toMatch(/Traceo$/);
  await page.context().close();
});

test('11 000 points of 200 series are drawn, and the page goes on', async () => {
  const page = await open(browser, `${inject('url')}/usage`);
  const start = Math.floor(Date.now() / 1000) - 11_000;
  await page.route('**/prometheus/api/v1/query_range*', (route) => {
    const values = Array.from({ length: 11_000 }, (_, at) => `[${start + at},"${at % 97}"]`).join();
    const series = Array.from({ length: 200 }, (_, n) => `{"metric":{"n":"${n}"},"values":[${values}]}`).join();
    return route.fulfill({
      contentType: 'application/json',
      body: `{"status":"success","data":{"resultType":"matrix","result":[${series}]}}`,
    });
  });
  await page.goto(`${inject('url')}/series?q=up`);
  await page.locator('.uplot canvas').first().waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Ingest and usage' }).click();
  await page.getByRole('heading', { name: 'Ingest and usage' }).waitFor();
  await page.context().close();
});
