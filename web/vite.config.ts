import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Writes each text file of the build a second and third time, as `.br` and `.gz`, for the server to choose from. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    // After Vite has put the names of chunks into the code.
    writeBundle: {
      order: 'post',
      sequential: true,
      handler({ dir = '' }, bundle) {
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };
        for (const name of Object.keys(bundle).filter((each) => /\.(js|css|svg)$/.test(each))) {
          const source = readFileSync(join(dir, name));
          writeFileSync(join(dir, `${name}.br`), brotliCompressSync(source, quality));
          writeFileSync(join(dir, `${name}.gz`), gzipSync(source, { level: 9 }));
        }
      },
    },
  };
}

/** Has the browser fetch the app beside the page's first file, which imports it only when it runs. */
function preloadApp(): Plugin {
  return {
    name: 'preload-app',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const app = Object.values(bundle).find(
          (file) => file.type === 'chunk' && file.moduleIds.some((id) => id.endsWith('/src/app.tsx')),
        );
        if (!app) throw new Error('the build has no chunk of src/app.tsx');
        return [{ tag: 'link', attrs: { rel: 'modulepreload', href: `/${app.fileName}` }, injectTo: 'head' }];
      },
    },
  };
}

const server = process.env.TRACEO_URL ?? 'http://127.0.0.1:4000';
const api = ['/api', '/prometheus', '/loki', '/tempo', '/jaeger'];

export default defineConfig({
  plugins: [react(), preloadApp(), precompress()],
  build: { outDir: '../traceo/api/static', emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 600 },
  server: { proxy: Object.fromEntries(api.map((path) => [path, { target: server, ws: true }])) },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/test-setup.ts'],
    include: ['src/**/*.test.{ts,tsx}'],
    testTimeout: 20_000,
    isolate: false, // a quarter of the time
  },
});
