import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { silentLogger } from '@megabot/observability/logger.ts';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';
import { createUiServer } from '../app.ts';
import { startFakeGateway, type FakeGateway } from './fake-gateway.ts';

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
export async function buildApp(): Promise<{ dist: string; initialScriptBytes: number; remove: () => Promise<void> }> {
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

/** A fresh gateway, UI server and browser profile for one test; `test.after` takes them away again. */
export async function visit(test: { after(work: () => Promise<void>): void }, browser: Browser, dist: string, options: BrowserContextOptions & { seeded?: boolean } = {}): Promise<Visit> {
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
