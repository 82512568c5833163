import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  test: {
    include: [['pictures', 'figures'].includes(mode) ? `e2e/${mode}.ts` : 'e2e/*.e2e.ts'],
    globalSetup: [mode === 'figures' ? 'e2e/figures.setup.ts' : 'e2e/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    expect: { poll: { timeout: 40_000 } },
  },
}));
