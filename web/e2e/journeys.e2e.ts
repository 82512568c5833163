/** What people come for, as they do it. */

import type { Browser, BrowserContextOptions, WebSocketRoute } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { DESKTOP, launch, open, PHONE, type Seen, settled, violations } from './browser';
import { rolledUp } from './server';
import { HOSTILE, SLOW } from './shop';

let browser: Browser;
let page: Seen;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const visit = async (path: string, options?: BrowserContextOptions) => {
  page = await open(browser, inject('url') + path, options);
  return page;
};

test.each([
  ['desktop', DESKTOP],
  ['phone', PHONE],
])('from the overview to the guilty span and its log line in three clicks: %s', async (_, options) => {
  await visit('/', options);
  await page.getByRole('link', { name: 'payment', exact: true }).first().click();
  await page.getByRole('link', { name: SLOW.operation }).click();
  await page.getByRole('link', { name: 'frontend: POST /checkout' }).click();
  await page.getByText(SLOW.line).waitFor();
  expect(await page.getByRole('treeitem', { selected: true }).textContent()).toContain(SLOW.operation);
  expect(await violations(page)).toEqual([]);
  await page.context().close();
});

test('a bad deploy is seen where its service is looked at', async () => {
  await visit('/services/payment?tab=deploys');
  const table = page.getByRole('main');
  await table.getByText('1.10.0').first().waitFor();
  await page.getByRole('tab', { name: 'Errors' }).click();
  await page.getByText('card declined by bank').first().waitFor();
  await page.context().close();
});

test('who owns a service is said on its page, and refused where it is wrong', async () => {
  await visit('/services/cart');
  await page.getByRole('button', { name: 'Say who owns it' }).click();
  const dialog = page.getByRole('dialog', { name: 'Owner of cart' });
  await dialog.getByLabel('Team').fill('checkout');
  await dialog.getByLabel(/Runbook/).fill('no address');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/expected an address that begins with https/).waitFor();
  expect.soft(await violations(page)).toEqual([]);
  await dialog.getByLabel(/Runbook/).fill('https://wiki.example/cart');
  await dialog.getByLabel(/Apdex/).fill('20');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'wiki.example/cart' }).waitFor();
  await page.getByText('Apdex, 20').waitFor();
  expect(page.complaints.filter((text) => !/Failed to load resource/.test(text))).toEqual([]);
  await page.context().close();
});

test('a query is narrowed by clicks, and its link shows another person the same', async () => {
  await visit('/logs');
  await page
    .getByRole('button', { name: /charge failed/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Only lines with service_name payment' }).click();
  const query = page.getByRole('textbox', { name: 'LogQL' });
  await expect.poll(() => query.inputValue()).toBe('{service_name="payment"}');
  await query.fill('{service_name="payment"} |= "charge failed"');
  await query.press('Enter');
  await expect.poll(() => new URL(page.url()).searchParams.get('q')).toContain('charge failed');
  const other = await open(browser, page.url());
  await other
    .getByRole('button', { name: /charge failed/ })
    .first()
    .waitFor();
  expect(await other.getByRole('button', { name: /order placed/ }).count()).toBe(0);
  await page.goBack();
  await expect.poll(() => query.inputValue()).toBe('{service_name="payment"}');
  await other.context().close();
  await page.context().close();
});

test('from an exemplar to its trace, and what is different there from another', async () => {
  const query = 'histogram_quantile(0.95, sum by (le) (rate(shop_payment_duration_seconds_bucket[5m])))';
  await visit(`/series?q=${encodeURIComponent(query)}`);
  await page.getByRole('link', { name: new RegExp(SLOW.traceId.slice(0, 8)) }).click();
  await page.getByText('Compare', { exact: true }).click();
  await page.getByRole('button', { name: / · / }).first().click();
  const table = page.getByRole('table', { name: 'Calls of both traces' });
  await table.getByRole('row', { name: new RegExp(`${SLOW.operation}.*only here`) }).waitFor();
  await page.context().close();
});

test('a line that is sent now is in the tail; one that is sent while the connection is lost is there once', async () => {
  await visit('/logs');
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket(/\/live$/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await page.reload();
  await page.getByRole('switch', { name: 'Live tail' }).click();
  await page.getByText('Live: lines are shown as they arrive').waitFor();
  const send = (text: string) => {
    const logRecords = [{ timeUnixNano: `${Date.now()}000000`, severityNumber: 9, body: { stringValue: text } }];
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'tail' } }] };
    const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
    return fetch(`${inject('otlp')}/v1/logs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
  };
  await send('a line of this very moment');
  await page.getByText('a line of this very moment').waitFor();
  expect(sockets).toHaveLength(1);
  await sockets[0]?.close();
  await page.getByText(/^Connection lost or refused/).waitFor();
  await send('a line that nobody heard');
  await page.getByText('a line that nobody heard').waitFor();
  expect(sockets).toHaveLength(2);
  expect(await page.getByText(/a line (of this very moment|that nobody heard)/).count()).toBe(2);
  await page.context().close();
});

test('everything by keyboard: help, palette, pages, query, spans', async () => {
  await visit('/');
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard' });
  await help.waitFor();
  expect.soft(await violations(page), 'help').toEqual([]);
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'hidden' });
  await page.keyboard.press('Control+k');
  await page.getByRole('textbox', { name: 'Find' }).waitFor();
  await page.keyboard.type('zzz');
  await page.getByText('Nothing of that name').waitFor();
  expect.soft(await violations(page), 'empty palette').toEqual([]);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('cata');
  expect.soft(await violations(page), 'palette').toEqual([]);
  await page.getByRole('button', { name: 'catalog Service' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect.poll(() => new URL(page.url()).pathname).toBe('/services/catalog');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await expect.poll(() => new URL(page.url()).pathname).toBe('/traces');
  const editor = page.getByRole('textbox', { name: 'TraceQL' });
  await editor.waitFor();
  await settled(page);
  await page.keyboard.press('/');
  await expect.poll(() => editor.evaluate((node) => node === document.activeElement)).toBe(true);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('{ duration > 2s }');
  await page.keyboard.press('Enter');
  const found = page.getByRole('link', { name: 'frontend: POST /checkout' });
  await expect.poll(() => found.count()).toBe(1);
  await found.focus();
  await page.keyboard.press('Enter');
  const tree = page.getByRole('tree', { name: 'Spans of the trace' });
  await tree.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.getByRole('complementary', { name: 'Span PlaceOrder' }).waitFor();
  await page.getByText('Flame graph', { exact: true }).click();
  await page.getByRole('tree', { name: /^Flame graph/ }).focus();
  await page.keyboard.press('ArrowDown');
  await page.getByText(/^checkout: PlaceOrder · 1 span/).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const whole = page.getByRole('button', { name: 'The whole trace' });
  await whole.waitFor();
  await settled(page);
  expect.soft(await violations(page), 'flame graph').toEqual([]);
  await page.keyboard.press('Escape');
  await whole.waitFor({ state: 'hidden' });
  await page.context().close();
});

test('a time range is chosen, is in the link, and back is back', async () => {
  await visit('/services');
  await page.getByRole('button', { name: 'Last hour' }).click();
  await page.getByRole('button', { name: '5 minutes', exact: true }).waitFor();
  expect.soft(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: '5 minutes', exact: true }).click();
  await page.getByRole('button', { name: 'Last 5 minutes' }).waitFor();
  expect(new URL(page.url()).searchParams.get('from')).toBe('-5m');
  await page.getByRole('navigation').getByRole('link', { name: 'Logs' }).click();
  await expect.poll(() => page.url()).toMatch(/\/logs\?.*from=-5m/);
  await page.goBack();
  await page.goBack();
  await page.getByRole('button', { name: 'Last hour' }).waitFor();
  await page.context().close();
});

test('a refused visitor logs in; the token is in no link and in no lasting storage', async () => {
  const context = await browser.newContext();
  await context.route('**/api/v1/**', (route) =>
    route.request().headers().authorization === 'Bearer secret-token'
      ? route.continue({ headers: { ...route.request().headers(), authorization: '' } })
      : route.fulfill({ status: 401, json: { error: { type: 'unauthenticated', message: 'a token is needed' } } }),
  );
  const guest = await context.newPage();
  await guest.goto(`${inject('url')}/services`);
  await guest.getByLabel(/token/i).first().fill('secret-token');
  await guest.keyboard.press('Enter');
  await guest.getByRole('link', { name: 'payment' }).first().waitFor();
  expect(guest.url()).not.toContain('secret');
  expect(await guest.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain('secret');
  await context.close();
});

test('a lost connection is told, keeps what was there, and recovers', async () => {
  await visit('/services');
  await page.getByRole('link', { name: 'payment' }).first().waitFor();
  await page.context().setOffline(true);
  await page.keyboard.press('r');
  await page.getByText(/No connection since/).waitFor();
  expect(await page.getByRole('link', { name: 'payment' }).count()).toBeGreaterThan(0);
  await page.context().setOffline(false);
  await page.keyboard.press('r');
  await page.getByText(/No connection since/).waitFor({ state: 'hidden' });
  await page.context().close();
});

test('names that are HTML and script stay text', async () => {
  await visit(`/logs?q=${encodeURIComponent('{service_name=~".+"} |= "onerror"')}`);
  await page.getByText('onerror').first().waitFor();
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  await visit(`/services/${encodeURIComponent(HOSTILE)}`);
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(HOSTILE);
  expect(await page.title()).toContain('onerror');
  await page.context().close();
});

// The last ones: what they show is computed half a minute after the spans arrived.
test('what a deploy changed is told in words, figures and new errors', async () => {
  await rolledUp(inject('url'));
  await visit('/services/payment?tab=deploys');
  await page.getByText(/1.9.3 → 1.10.0, .*: worse than before/).waitFor();
  await page
    .getByRole('listitem')
    .filter({ hasText: /^Charge: errors 0.00%, now/ })
    .waitFor();
  await page.getByRole('link', { name: 'PaymentError' }).first().waitFor();
  await page.getByRole('region', { name: 'Figures before and after' }).getByText('The service').waitFor();
  await page.getByRole('button', { name: 'Before and after' }).waitFor();
  await page.context().close();
});

test('the map against the time before, in the table, and a call over time', async () => {
  await rolledUp(inject('url'));
  await visit('/map?from=-11m');
  await page.getByLabel('Compare').selectOption('before');
  await page.getByText(/\d new/).waitFor();
  await page.getByText('Table', { exact: true }).click();
  const row = page.getByRole('row', { name: /payment.*postgresql.bank/ });
  await row.getByText('new', { exact: true }).waitFor();
  await row.getByRole('button', { name: 'over time' }).click();
  await page.getByRole('heading', { name: 'service:payment → database:postgresql/bank@pg-2' }).waitFor();
  await page.getByLabel('Group services').selectOption('namespace');
  await page
    .getByRole('row', { name: /postgresql.bank/ })
    .getByText('new', { exact: true })
    .waitFor();
  expect(new URL(page.url()).searchParams.get('diff')).toBe('before');
  await page.context().close();
});
