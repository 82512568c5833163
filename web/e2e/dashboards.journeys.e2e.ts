/** Dashboards as people make them: panels, drag and keys, versions, an import, a pin. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { GRAFANA_FILE } from './boards';
import { launch, open, type Seen, settled, violations } from './browser';

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const visit = (path: string): Promise<Seen> => open(browser, inject('url') + path);
const panel = (page: Seen, name: string) => page.getByRole('group', { name, exact: true });
/** What axe finds once nothing moves: a button on its way from grey has no contrast. */
const found = async (page: Seen) => {
  await page.waitForFunction(() => document.getAnimations().length === 0);
  return violations(page);
};
const placeOf = (page: Seen, name: string) =>
  panel(page, name).evaluate((element) =>
    ['--x', '--y', '--w', '--h'].map((part) => element.style.getPropertyValue(part)).join(),
  );

test('a dashboard is made, arranged, saved, and had back in an older version', async () => {
  const page = await visit('/dashboards');
  await page.getByRole('button', { name: 'New dashboard' }).click();
  await page.getByLabel('Title').fill('Mine');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('heading', { name: 'Mine' }).waitFor();

  await page.getByRole('button', { name: 'Add a panel' }).click();
  await page.getByRole('menuitem', { name: 'Time series' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('Orders');
  const query = page.getByRole('textbox', { name: 'Query' });
  await query.pressSequentially('sum(rate(shop_orders');
  await page.getByRole('option', { name: /^shop_orders_total/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.type('_t');
  await page.getByRole('option', { name: /^shop_orders_total/ }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.type('[5m]))');
  expect(await query.inputValue()).toBe('sum(rate(shop_orders_total[5m]))');
  await page.getByRole('button', { name: 'Help on PromQL' }).click();
  await page.getByRole('dialog', { name: 'PromQL on one page' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'PromQL on one page' }).waitFor({ state: 'hidden' });
  await page.getByRole('region', { name: 'Preview' }).getByRole('img').waitFor();
  expect.soft(await found(page), 'editor').toEqual([]);
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('button', { name: 'Add a panel' }).click();
  await page.getByRole('menuitem', { name: 'Text' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('Note');
  await page.getByRole('textbox', { name: 'Markdown' }).fill('Call **Ann** <b>now</b>');
  await page.getByRole('button', { name: 'Apply' }).click();
  expect(await placeOf(page, 'Note')).toBe('1,9,12,8');

  const grip = await page.getByRole('button', { name: 'Move Note' }).boundingBox();
  const target = await panel(page, 'Orders').boundingBox();
  if (!grip || !target) throw new Error('the panels are not on the page');
  await page.mouse.move(grip.x + 5, grip.y + 5);
  await page.mouse.down();
  await page.mouse.move(target.x + target.width + 20, target.y + 20, { steps: 4 });
  await page.mouse.up();
  expect(await placeOf(page, 'Note')).toBe('13,1,12,8');
  await page.getByRole('button', { name: 'Resize Note' }).focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowLeft');
  expect(await placeOf(page, 'Note')).toBe('13,1,11,7');

  const api = `${inject('url')}/api/v1${new URL(page.url()).pathname}`;
  const theirs = JSON.stringify({ version: 1, dashboard: { title: 'Theirs' } });
  await fetch(api, { method: 'PUT', body: theirs, headers: { 'Content-Type': 'application/json' } });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('somebody saved version 2 meanwhile').waitFor();
  await page.getByRole('button', { name: 'Save mine over it' }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  await page.reload();
  await settled(page);
  expect(await placeOf(page, 'Note')).toBe('13,1,11,7');
  expect(await panel(page, 'Note').textContent()).toContain('Call Ann <b>now</b>');
  await panel(page, 'Orders').getByRole('img').waitFor();

  await page.getByRole('button', { name: 'Versions' }).click();
  await page.getByRole('button', { name: 'Restore version 1' }).click();
  await page.getByText('No panels yet').waitFor();
  await page.getByRole('button', { name: 'Versions' }).click();
  await page.getByText('version 1 restored').waitFor();
  expect.soft(await found(page), 'versions').toEqual([]);
  await page.context().close();
});

test("Grafana's file is imported with a report; a variable is in the link", async () => {
  const page = await visit('/dashboards');
  await page.getByRole('button', { name: 'Import' }).click();
  await page.getByLabel('File of a dashboard').setInputFiles(GRAFANA_FILE);
  await page.getByText(/left out: of type geomap/).waitFor();
  expect.soft(await found(page), 'report').toEqual([]);
  await page.getByRole('button', { name: 'Save “Nodes of the shop”' }).click();
  await page.getByRole('heading', { name: 'Nodes of the shop' }).waitFor();
  await panel(page, 'Orders per second').getByText('shop/checkout').waitFor();
  await page.getByRole('textbox', { name: 'Service' }).click();
  await page.getByRole('option', { name: 'shop/frontend' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('var-service')).toBe('shop/frontend');
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Overview of shop/frontend' }).waitFor();
  await expect.poll(() => panel(page, 'Orders per second').getByText('shop/checkout').count()).toBe(0);
  await page.context().close();
});

test('a query is pinned to a dashboard', async () => {
  const page = await visit(`/series?q=${encodeURIComponent('sum(shop_orders_total)')}`);
  await page.getByRole('button', { name: 'Pin to a dashboard' }).click();
  await page.getByLabel('Title of the panel').fill('All orders');
  await page.getByLabel('Title of the dashboard').fill('Pinned');
  expect.soft(await found(page), 'pin').toEqual([]);
  await page.getByRole('button', { name: 'Pin it' }).click();
  await page.getByRole('link', { name: 'Pinned' }).click();
  await panel(page, 'All orders').getByRole('img').waitFor();
  await page.context().close();
});
