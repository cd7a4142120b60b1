// The last step of `npm run build`: the server in a few files instead of 370. Node resolves, reads and links every
// module of a program by itself, which was half of a start (docs/adr/0003-one-file-to-start-from.md).
import { readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const outdir = fileURLToPath(new URL('dist/bundle', import.meta.url));

/** A module finds the files next to it by import.meta.url: it goes on naming where `tsc` has put the module. */
const keepUrls = {
  name: 'keep-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\/packages\/.*\.js$/ }, ({ path }) => {
      const own = `new URL(${JSON.stringify(relative(outdir, path))}, import.meta.url).href`;
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', own) };
    });
  },
};

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [fileURLToPath(new URL('dist/main.js', import.meta.url))],
  outdir,
  bundle: true,
  splitting: true, // what is imported when it is used stays apart
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['lmdb', 'pino-pretty'], // native code; only on a terminal
  banner: { js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);" }, // for CommonJS inside
  plugins: [keepUrls],
  // The source is kept in memory, and a single − in a comment doubles it.
  minifyWhitespace: true,
  lineLimit: 120,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
});
