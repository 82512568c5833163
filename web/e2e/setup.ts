import type { TestProject } from 'vitest/node';
import { saveShopDashboard } from './boards';
import { startServer } from './server';

declare module 'vitest' {
  interface ProvidedContext {
    url: string;
    otlp: string;
  }
}

/** One server for all files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  await saveShopDashboard(server.url);
  project.provide('url', server.url);
  project.provide('otlp', server.otlp);
  return server.stop;
}
