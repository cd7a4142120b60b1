import { defineConfig } from 'vitest/config';

// `development` makes every @zk package resolve to its src/index.ts, so tests need no build.
const source = { conditions: ['development'] };
const shared = { resolve: source, ssr: { resolve: source } };

export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'test/scenarios/**/*.test.ts', 'test/ensemble/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'compat', // other people's servers and clients: see .ci/run for what it installs
          include: ['test/compat/**/*.test.ts'],
          env: { LC_ALL: 'C.UTF-8' }, // Apache's digests of paths depend on it, before Java 18
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
