/** What changes dashboards on the server. */

import { postJson, request, sendJson } from '../../api/client';
import type { components } from '../../api/schema';
import type { Dashboard, Saved } from './model';

export type Imported = components['schemas']['ImportAnswer'];

const PATH = '/api/v1/dashboards';

export function createDashboard(dashboard: Dashboard, tenant: string, comment = ''): Promise<Saved> {
  return postJson(PATH, { dashboard, comment }, tenant);
}

export function replaceDashboard(
  saved: Pick<Saved, 'id' | 'version'>,
  dashboard: Dashboard,
  tenant: string,
  comment = '',
): Promise<Saved> {
  return sendJson('PUT', `${PATH}/${saved.id}`, { dashboard, version: saved.version, comment }, tenant);
}

export function restoreVersion(id: string, version: number, tenant: string): Promise<Saved> {
  return request(`${PATH}/${id}/versions/${version}/restore`, tenant, { method: 'POST' });
}

export function removeDashboard(id: string, tenant: string): Promise<unknown> {
  return request(`${PATH}/${id}`, tenant, { method: 'DELETE' });
}

export function translateDashboard(dashboard: unknown, tenant: string): Promise<Imported> {
  return postJson(`${PATH}/import`, { dashboard }, tenant);
}

/** A file for the browser to keep. */
export function download(dashboard: Dashboard): void {
  const link = document.createElement('a');
  const url = URL.createObjectURL(new Blob([JSON.stringify(dashboard, null, 2)], { type: 'application/json' }));
  link.href = url;
  link.download = `${dashboard.title.replace(/[^\w-]+/g, '-').toLowerCase() || 'dashboard'}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
