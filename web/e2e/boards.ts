/** The dashboard of the demo, on the tests' server. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
/** What somebody exported from Grafana. */
export const GRAFANA_FILE = resolve(ROOT, 'tests/dashboards/grafana/node.json');

export async function saveShopDashboard(url: string): Promise<void> {
  const dashboard = JSON.parse(readFileSync(resolve(ROOT, 'traceo/dashboards/shop.json'), 'utf8'));
  const answer = await fetch(`${url}/api/v1/dashboards`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ id: 'shop', dashboard }),
  });
  if (!answer.ok) throw new Error(`the dashboard was not saved: ${await answer.text()}`);
}
