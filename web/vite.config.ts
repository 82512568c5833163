import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Writes each text file of the build a second and third time, as `.br` and `.gz`, for the server to choose from. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        const source = file.type === 'chunk' ? file.code : file.source;
        if (!/\.(js|css|svg)$/.test(file.fileName)) continue;
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };
        this.emitFile({ type: 'asset', fileName: `${file.fileName}.br`, source: brotliCompressSync(source, quality) });
        this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source: gzipSync(source, { level: 9 }) });
      }
    },
  };
}

const server = process.env.TRACEO_URL ?? 'http://127.0.0.1:4000';
const api = ['/api', '/prometheus', '/loki', '/tempo', '/jaeger'];

export default defineConfig({
  plugins: [react(), precompress()],
  build: { outDir: '../traceo/api/static', emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 600 },
  server: { proxy: Object.fromEntries(api.map((path) => [path, { target: server, ws: true }])) },
  test: { environment: 'jsdom', setupFiles: ['src/test-setup.ts'], include: ['src/**/*.test.{ts,tsx}'] },
});
