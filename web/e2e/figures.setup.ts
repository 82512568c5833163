import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { ROOT, startServer } from './server';
import { provide } from './setup';

const ITEMS = process.env.ITEMS ?? '20000000';

/** A server that has so many spans and log lines of a thousand services. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({}, (dataFolder) => {
    const command = ['-m', 'benchmarks.data.fleet', dataFolder, '--items', ITEMS];
    execFileSync('.venv/bin/python', command, { cwd: ROOT, stdio: 'inherit' });
  });
  return provide(project, server);
}
