import type { TestProject } from 'vitest/node';
import { saveShopDashboard } from './boards';
import { type Running, startServer } from './server';

declare module 'vitest' {
  interface ProvidedContext {
    url: string;
    otlp: string;
  }
}

/** One server for all files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  return provide(project, await startServer());
}

export async function provide(project: TestProject, server: Running): Promise<() => Promise<void>> {
  await saveShopDashboard(server.url);
  project.provide('url', server.url);
  project.provide('otlp', server.otlp);
  return server.stop;
}
