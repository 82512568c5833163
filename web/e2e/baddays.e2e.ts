/** What goes wrong on bad days: slow, refused, cut and strange answers, clocks that are off, names without end. */

import type { Browser, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { DESKTOP, launch, open, type Seen } from './browser';

const LONG = `${'ש\u202e'.repeat(50)}${'x'.repeat(9_900)}`;
const HOUR_MS = 3_600_000;

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** A page whose first readings of the catalogue are answered like that, one after the other. */
async function withCatalog(...answers: ((route: Route) => Promise<void>)[]): Promise<Seen> {
  const page = await open(browser, `${inject('url')}/usage`);
  await page.route('**/api/v1/catalog?*', (route) => (answers.shift() ?? ((each) => each.continue()))(route));
  await page.getByRole('navigation').getByRole('link', { name: 'Services' }).click();
  return page;
}

const refuse = (status: number, type: string, message: string) => (route: Route) =>
  route.fulfill({ status, json: { error: { type, message } } });

test('an answer that is slow is awaited, and a busy server is asked again', async () => {
  let release = () => {};
  const held = new Promise<void>((done) => {
    release = done;
  });
  const page = await withCatalog(refuse(429, 'limit_exceeded', 'too many queries run at once'), async (route) => {
    await held;
    await route.continue();
  });
  await page.locator('[aria-busy="true"]').first().waitFor();
  release();
  await page.getByRole('link', { name: 'payment' }).first().waitFor();
  await page.context().close();
});

test('what is refused, and half an answer, are told, and tried again when asked to', async () => {
  const page = await withCatalog(refuse(403, 'permission_denied', 'somebody does not have the scope query'), (route) =>
    route.fulfill({ contentType: 'application/json', body: '{"services": [{"service": "pay' }),
  );
  await page.getByText('somebody does not have the scope query').waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  await page.keyboard.press('r');
  await page.getByText(/The answer is no JSON/).waitFor();
  await page.keyboard.press('r');
  await page.getByRole('link', { name: 'payment' }).first().waitFor();
  await page.context().close();
});

test('a name without end, from right to left, breaks no page; what arrives is shown at once', async () => {
  const page = await open(browser, `${inject('url')}/services`);
  await page.getByRole('link', { name: 'payment' }).first().waitFor();
  const now = BigInt(Date.now()) * 1_000_000n;
  const span = { traceId: 'd'.repeat(32), spanId: 'd'.repeat(16), kind: 2, name: LONG };
  const timed = { ...span, startTimeUnixNano: String(now - 9_000_000n), endTimeUnixNano: String(now) };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: LONG } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [timed] }] }] });
  await fetch(`${inject('otlp')}/v1/traces`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  await page
    .getByRole('link', { name: LONG.slice(0, 50) })
    .first()
    .waitFor();
  await page.getByRole('button', { name: /how live/ }).click();
  await page.getByText(/From a change to the screen/).waitFor();
  for (const path of ['/', `/services/${encodeURIComponent(LONG)}`, '/map', `/map?focus=${encodeURIComponent(LONG)}`]) {
    await page.goto(inject('url') + path);
    await page.locator('h1').first().waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect.soft(wider, `pixels that ${path.slice(0, 30)} is too wide`).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});

test('a clock that is off by an hour changes nothing that the server times', async () => {
  const context = await browser.newContext(DESKTOP);
  await context.addInitScript((off) => {
    const right = Date.now.bind(Date);
    Date.now = () => right() + off;
  }, HOUR_MS);
  const page = await context.newPage();
  await page.goto(`${inject('url')}/`);
  await page.getByRole('link', { name: 'payment' }).first().waitFor();
  await page.getByText('Worse than yesterday at this time').waitFor();
  await context.close();
});
