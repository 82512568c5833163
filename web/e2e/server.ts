/** A real `traceo serve` of this checkout in a process and folder of its own, with the shop's past half hour in it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sendShop } from './shop';

export const ROOT = resolve(import.meta.dirname, '../..');
const READY_WITHIN_MS = 90_000;
const POLL_MS = 100;

export interface Running {
  url: string;
  otlp: string;
  stop: () => Promise<void>;
}

/** `fill` writes into the data folder before the server begins. */
export async function startServer(
  settings: Record<string, string> = {},
  fill: (dataFolder: string) => void = () => {},
): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'traceo-ui-'));
  const [http, otlp, grpc] = await Promise.all([freePort(), freePort(), freePort()]);
  fill(join(folder, 'data'));
  const log = join(folder, 'server.log');
  const output = openSync(log, 'w');
  const child = spawn(join(ROOT, '.venv/bin/traceo'), ['serve'], {
    cwd: folder,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      TRACEO_DATA_DIR: join(folder, 'data'),
      TRACEO_SERVER__HTTP_PORT: String(http),
      TRACEO_SERVER__OTLP_HTTP_PORT: String(otlp),
      TRACEO_SERVER__OTLP_GRPC_PORT: String(grpc),
      TRACEO_STORE__MIN_FREE_DISK: '0',
      ...settings,
    },
  });
  closeSync(output);
  const running: Running = {
    url: `http://127.0.0.1:${http}`,
    otlp: `http://127.0.0.1:${otlp}`,
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await until(`${running.url}/readyz`, async (answer) => answer.ok, child);
    await sendShop(running.otlp);
    await until(`${running.url}/api/v1/status`, hasNothingBuffered, child);
    return running;
  } catch (error) {
    const said = readFileSync(log, 'utf8').slice(-3000);
    await running.stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${said}`);
  }
}

async function hasNothingBuffered(answer: Response): Promise<boolean> {
  return ((await answer.json()) as { buffered_bytes: number }).buffered_bytes === 0;
}

async function until(url: string, holds: (answer: Response) => Promise<boolean>, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url).catch(() => null);
    if (answer && (await holds(answer))) return;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  throw new Error(`${url} is not as it should be`);
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((ended) => {
    child.once('exit', () => ended());
    child.kill('SIGKILL');
  });
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const listener = createServer().once('error', failed);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      listener.close(() => (address && typeof address === 'object' ? found(address.port) : failed()));
    });
  });
}

/** Waits for what is computed half a minute after spans have arrived: edges, versions, deploys. */
export async function rolledUp(url: string): Promise<void> {
  for (let tries = 0; tries < 220; tries += 1) {
    const found = await (await fetch(`${url}/api/v1/deploys`)).text();
    if (found.includes('1.10.0')) return;
    await new Promise((wake) => setTimeout(wake, 500));
  }
  throw new Error('the deploy of the shop is not known after 110 s');
}
