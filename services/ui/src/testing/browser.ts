import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { silentLogger } from '@megabot/observability/logger.ts';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';
import { createUiServer } from '../app.ts';
import { startFakeGateway, type FakeGateway } from './fake-gateway.ts';
import { fakeCode } from './fake-routes.ts';

const executablePath = '/usr/bin/chromium';

/** False, or why the tests that need a browser are not run. */
export const browserMissing = existsSync(executablePath) ? false : 'Chromium is not installed on this machine (apt-get install chromium)';

/** Debian's Chromium, told to ask nothing of the outside. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Builds the app into a folder of its own, so that a test never looks at an old build. */
async function buildApp(): Promise<{ dist: string; initialScriptBytes: number; remove: () => Promise<void> }> {
  const dist = await mkdtemp(join(tmpdir(), 'megabot-ui-'));
  await build({ root: fileURLToPath(new URL('../..', import.meta.url)), logLevel: 'error', build: { outDir: dist, emptyOutDir: true } });
  const scripts = (await readdir(join(dist, 'assets'))).filter((name) => name.endsWith('.js'));
  const sizes = await Promise.all(scripts.map(async (name) => gzipSync(await readFile(join(dist, 'assets', name))).length));
  return { dist, initialScriptBytes: sizes.reduce((sum, size) => sum + size, 0), remove: () => rm(dist, { recursive: true }) };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly gateway: FakeGateway;
  readonly origin: string;
  /** What went wrong in the page by itself, and every address it asked for. */
  readonly errors: string[];
  readonly addresses: string[];
}

type Test = { after(work: () => Promise<void>): void };
type VisitOptions = BrowserContextOptions & { seeded?: boolean };

/** One Chromium and one build of the app for all tests of a suite. */
export interface Stage {
  /** All scripts of the app, compressed, in bytes. */
  readonly scriptBytes: number;
  /** A page of its own for one test, with nothing opened yet. */
  visit(test: Test, options?: VisitOptions): Promise<Visit>;
  /** The same, signed in by link. */
  signedIn(test: Test, options?: VisitOptions): Promise<Visit>;
}

/** Sets the stage before the first test of the suite that it is called in, and clears it after the last. */
export function setStage(): Stage {
  let browser: Browser | undefined;
  let app: Awaited<ReturnType<typeof buildApp>> | undefined;
  before(async () => {
    [browser, app] = await Promise.all([launchChromium(), buildApp()]);
  });
  after(async () => {
    await browser?.close();
    await app?.remove();
  });
  const stage: Stage = {
    get scriptBytes() {
      return app?.initialScriptBytes ?? 0;
    },
    async visit(test, options) {
      if (!browser || !app) throw new Error('the stage is set when the tests of its suite run');
      return await visit(test, browser, app.dist, options);
    },
    async signedIn(test, options) {
      const guest = await stage.visit(test, options);
      await guest.page.goto(`${guest.origin}/#code=${fakeCode}`);
      await messageField(guest.page).waitFor();
      return guest;
    },
  };
  return stage;
}

export const messageField = (page: Page) => page.getByRole('textbox', { name: 'Message' });

/** Opens a page of the app by the fragment of its address, and waits for its title. */
export async function goTo(page: Page, hash: string, title: string): Promise<void> {
  await page.evaluate(`location.hash = '${hash}'`);
  await page.getByRole('heading', { name: title, level: 1 }).waitFor();
}

/** By how many pixels the page can be moved sideways; none, where nothing is cut off. */
export const sideways = async (page: Page): Promise<number> => await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** The addresses that are not the app's own origin. */
export const elsewhere = ({ addresses, origin }: Visit): string[] => addresses.filter((address) => !address.startsWith('data:') && new URL(address).host !== new URL(origin).host);

/** A fresh gateway, UI server and browser profile for one test; `test.after` takes them away again. */
async function visit(test: Test, browser: Browser, dist: string, options: VisitOptions = {}): Promise<Visit> {
  const gateway = await startFakeGateway({ seeded: options.seeded ?? false });
  const server = await createUiServer({ gatewayUrl: gateway.url, dist }, { logger: silentLogger() });
  const origin = await server.listen({ host: '127.0.0.1', port: 0 });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(8_000);
  const page = await context.newPage();
  const errors: string[] = [];
  const addresses: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && /content security policy|uncaught/i.test(message.text())) errors.push(message.text());
  });
  page.on('request', (request) => addresses.push(request.url()));
  page.on('websocket', (socket) => addresses.push(socket.url()));
  test.after(async () => {
    await context.close();
    await server.close();
    await gateway.close();
  });
  return { page, context, gateway, origin, errors, addresses };
}
