import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { sideways } from './browser.ts';

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

let source: Promise<string> | undefined;

/** What axe finds wrong with the page as it stands, by WCAG 2.2 A and AA: one line for each place, none left out. */
export async function axeViolations(page: Page): Promise<string[]> {
  source ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(await source);
  const found = await page.evaluate<{ violations: Violation[] }>(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`);
  return found.violations.flatMap(({ id, impact, help, nodes }) => nodes.map((node) => `${impact ?? ''} ${id}: ${help}: ${node.html.slice(0, 160)} ${node.failureSummary?.replaceAll('\n', ' ') ?? ''}`));
}

const widths = [['wide', { width: 1280, height: 900 }], ['360 px', { width: 360, height: 740 }]] as const;

/** What axe finds wrong with the page as it stands, and what is cut off, in both themes and on both a wide and a narrow screen. */
export async function faultsInEveryLook(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const [width, viewport] of widths) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      // What moves in is looked at when it stands.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      found.push(...(await axeViolations(page)).map((violation) => `${name}, ${colorScheme}, ${width}: ${violation}`));
    }
    if ((await sideways(page)) > 0) found.push(`${name}, ${width}: it scrolls sideways`);
  }
  await page.setViewportSize(widths[0][1]);
  return found;
}
