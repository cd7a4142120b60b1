import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Where test/compat/install.sh, or anybody's package manager, puts a Chromium. */
const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** `null` where none is installed; CHROMIUM names one elsewhere. */
export const chromiumPath: string | null = [process.env['CHROMIUM'] ?? '', ...CANDIDATES].find((path) => existsSync(path)) ?? null;

/** A headless browser that talks to nobody but the pages it is given, with a profile of its own. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? '',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}
