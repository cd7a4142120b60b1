import { ZooKeeper } from '@zk/client';
import { startEnsemble, type EmbeddedEnsemble } from '@zk/server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chromiumPath, launchBrowser } from '../support/browser.ts';

const SETTINGS = { 'admin.enableServer': true, 'admin.serverPort': 0, 'admin.serverAddress': '127.0.0.1', 'admin.console.writable': true };
const CONFIG = '{"host":"db1.example.com","pool":{"max":20}}';

// ZK_SCREENSHOTS=<directory> keeps what the page looks like, for people to look at.
const screenshots = process.env['ZK_SCREENSHOTS'];

describe.skipIf(chromiumPath === null)('the console in Chromium (where one is installed)', () => {
  let zk: EmbeddedEnsemble;
  let client: ZooKeeper;
  let browser: Browser;
  let page: Page;
  /** What the page complains of: nothing, if all is well. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
    zk = await startEnsemble({ settings: SETTINGS });
    client = await ZooKeeper.connect(zk.leader.connectString);
    await client.addAuth('digest', 'bob:secret');
    await client.create('/app', 'v1');
    await client.create('/app/config', CONFIG);
    await client.create('/app/binary', Buffer.from([0, 255, 65, 66]));
    await client.create('/shut', 'for bob', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
    await client.create('/<img src=x onerror=alert(1)>', '<script>alert(1)</script>');
    await client.getData('/app', { watch: () => {} });
  });
  afterAll(async () => {
    await client.close();
    await zk.stop();
    await browser.close();
  });

  async function open(view: string, colorScheme: 'light' | 'dark' = 'light'): Promise<void> {
    for (const context of browser.contexts()) await context.close(); // one page at a time
    page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 800 } });
    complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(`http://127.0.0.1:${zk.leader.adminPort}/console#${view}`);
  }

  const item = (path: string) => page.locator(`[role=treeitem][data-path="${path}"]`);
  const shown = () => page.locator('#znode');

  async function keep(name: string): Promise<void> {
    if (screenshots !== undefined) await page.screenshot({ path: `${screenshots}/${name}.png` });
  }

  beforeEach(() => open('overview'));
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  test('shows the ensemble, its roles, and plots that move', async () => {
    await page.getByText('leader', { exact: true }).first().waitFor();
    expect(await page.locator('#ensemble tbody tr').count()).toBe(3);
    expect((await page.locator('#ensemble .chip').allTextContents()).sort()).toEqual(['leader', 'synced', 'synced']);
    // A plot has a line from its second point on.
    const moves = async (): Promise<boolean> => (await page.locator('#throughput path[d*=L]').count()) > 0 && (await page.locator('#latency path[d*=L]').count()) > 0;
    for (let i = 0; !(await moves()); i++) {
      for (let j = 0; j < 50 + 50 * (i % 7); j++) await client.getData('/app/config');
      await client.setData('/app/config', CONFIG);
    }
    await page.locator('#percentiles td', { hasText: 'Reads' }).waitFor();
    await keep('overview-light');
  });

  test('is dark where people want it dark', async () => {
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await open('overview', 'dark');
    expect(await background()).not.toBe(light);
    await page.locator('#ensemble tbody tr').first().waitFor();
    await keep('overview-dark');
  });

  test('lists sessions and watches', async () => {
    await page.getByRole('tab', { name: 'Sessions' }).click();
    await page.getByText(`0x${client.sessionId.toString(16)}`).waitFor();
    await keep('sessions');
    await page.getByRole('tab', { name: 'Watches' }).click();
    await page.locator('#watches td', { hasText: '/app' }).waitFor();
    await keep('watches');
  });

  test('names who asks for most, and about what', async () => {
    await client.getData('/app/config');
    await page.getByRole('tab', { name: 'Busiest' }).click();
    await page.locator('#subtrees-reads td', { hasText: '/app/config' }).waitFor();
    await page.locator('#sessions-writes td', { hasText: `0x${client.sessionId.toString(16)}` }).waitFor();
    await page.locator('#sessions-watches td', { hasText: `0x${client.sessionId.toString(16)}` }).waitFor();
    await keep('busiest');
    await open('busiest', 'dark');
    await page.locator('#subtrees-reads td', { hasText: '/app/config' }).waitFor();
    await keep('busiest-dark');
  });

  test('walks the tree with the keyboard alone', async () => {
    await page.getByRole('tab', { name: 'Overview' }).focus();
    await page.keyboard.press('ArrowLeft'); // round to the last tab
    await item('/app').waitFor();
    await item('/').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key); // the oddly named one, /app, open it
    await item('/app/config').waitFor();
    await page.keyboard.press('End');
    expect(await item('/zookeeper').getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Home');
    expect(await item('/').getAttribute('aria-selected')).toBe('true');
    await keep('tree-keyboard');
  });

  test('shows data as text, JSON and hex', async () => {
    await open('tree');
    await item('/app').locator('> .row').click();
    await item('/app/config').locator('> .row').click();
    await shown().getByText(CONFIG).waitFor();
    await shown().getByText('JSON', { exact: true }).click();
    expect(await shown().locator('pre').textContent()).toBe(JSON.stringify(JSON.parse(CONFIG), null, 2));
    await item('/app/binary').locator('> .row').click();
    await shown().getByText('/app/binary', { exact: true }).waitFor();
    await shown().getByText('Hex', { exact: true }).click();
    expect(await shown().locator('pre').textContent()).toMatch(/^00000000 {2}00 ff 41 42 +\.\.AB$/);
    await keep('tree-hex');
  });

  test('markup in names and data is text', async () => {
    await open('tree');
    await item('/app').waitFor();
    await page.locator('[role=treeitem] .row', { hasText: '<img' }).click();
    await shown().getByText('<script>alert(1)</script>').waitFor();
    expect(await page.locator('main img').count()).toBe(0);
  });

  test('shows a protected znode to its owner, who may change it', async () => {
    await open('tree');
    await item('/shut').locator('> .row').click();
    await shown().getByText('who have not signed in').waitFor();
    expect(await shown().getByRole('button').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('User').fill('bob');
    await page.getByLabel('Password').fill('secret');
    await page.keyboard.press('Enter');
    await shown().getByText('for bob').waitFor();
    await shown().getByRole('button', { name: 'Edit' }).click();
    await shown().locator('textarea').fill('by bob');
    await shown().getByRole('button', { name: 'Save' }).click();
    await shown().getByText('Saved.').waitFor();
    expect(String((await client.getData('/shut')).data)).toBe('by bob');
    await keep('tree-saved');
  });

  test('creates and deletes', async () => {
    await open('tree');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('User').fill('bob');
    await page.keyboard.press('Enter');
    await item('/app').locator('> .row').click();
    await shown().getByRole('button', { name: 'Create child' }).click();
    await page.getByLabel('Name').fill('new');
    await page.keyboard.press('Enter');
    await item('/app/new').locator('> .row').click();
    await shown().getByText('/app/new', { exact: true }).waitFor();
    await shown().getByRole('button', { name: 'Delete' }).click();
    await page.locator('#question-yes').click();
    await item('/app/new').waitFor({ state: 'detached' });
    expect(await client.exists('/app/new')).toBeNull();
  });
});
