import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Beside `src` and `dist`: the page's parts are as they were written, and no build copies them. */
const PARTS = new URL('../../../console/', import.meta.url);

/** The console's one page, and the policy under which a browser runs its own script and nothing else. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

let assembled: Page | null = null;

/** Put together when it is first asked for: most servers are never asked. */
export function consolePage(): Page {
  assembled ??= assemble();
  return assembled;
}

function assemble(): Page {
  const part = (name: string): string => readFileSync(new URL(name, PARTS), 'utf8');
  const style = part('style.css');
  const script = part('script.js');
  const html = part('index.html')
    .replace('<link rel="stylesheet" href="style.css">', () => `<style>${style}</style>`)
    .replace('<script type="module" src="script.js"></script>', () => `<script type="module">${script}</script>`);
  const policy = `default-src 'none'; script-src '${sha256(script)}'; style-src '${sha256(style)}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return { html, policy };
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
