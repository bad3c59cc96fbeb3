import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { browserMissing, launchChromium } from '@megabot/ui/testing/browser.ts';
import type { Browser, Page } from 'playwright-core';

/**
 * The main job by the page alone, in Debian's Chromium, against whatever MegaBot the sign-in link belongs to: sign in, run a
 * command, approve it with the keyboard, see its output, and find all of it again after a reload.
 */
export function uiFlow(signInLink: () => Promise<string>): void {
  describe('the page', { skip: browserMissing }, () => {
    let browser: Browser;
    let page: Page;
    const elsewhere: string[] = [];
    const broken: string[] = [];
    before(async () => {
      browser = await launchChromium();
      page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      page.setDefaultTimeout(30_000);
      const link = await signInLink();
      page.on('request', (request) => {
        if (!request.url().startsWith('data:') && new URL(request.url()).host !== new URL(link).host) elsewhere.push(request.url());
      });
      page.on('pageerror', (error) => broken.push(error.message));
      await page.goto(link);
      await page.getByRole('textbox', { name: 'Message' }).waitFor();
    });
    after(async () => await browser?.close());

    const say = async (text: string) => {
      await page.getByRole('textbox', { name: 'Message' }).fill(text);
      await page.keyboard.press('Enter');
    };

    it('signs in by the link, which leaves the address', () => assert.equal(new URL(page.url()).hash, ''));
    it('runs a command once it is approved by keyboard, and shows what it printed', async () => {
      await say('!run echo "from the page" && echo "and aside" >&2');
      const card = page.getByRole('article', { name: /^Approval / }).last();
      await card.getByRole('button', { name: 'Approve once' }).waitFor();
      assert.equal(await card.getByLabel('Exact command').textContent(), 'echo "from the page" && echo "and aside" >&2');
      await page.keyboard.press('Escape');
      await page.keyboard.press('.');
      await page.getByRole('dialog').getByRole('button', { name: 'Approve once', disabled: false }).first().waitFor();
      await page.keyboard.press('y');
      await page.getByRole('dialog').getByText('Approved by owner').waitFor();
      await page.keyboard.press('Escape');
      const run = page.getByRole('figure', { name: /^Run / }).last();
      await run.getByText('Done, exit 0').waitFor();
      assert.match((await run.getByLabel('Output').textContent()) ?? '', /from the page/);
    });
    it('shows what was rejected as rejected', async () => {
      await say('!run echo never');
      const card = page.getByRole('article', { name: /^Approval / }).last();
      await card.getByLabel('Exact command').getByText('echo never').waitFor();
      await card.getByRole('button', { name: 'Reject', exact: true }).click();
      await card.getByText('Rejected by owner').waitFor();
    });
    it('finds all of it again after a reload', async () => {
      await page.reload();
      await page.getByText('Approved by owner').first().waitFor();
      await page.getByText('Rejected by owner').first().waitFor();
      await page.getByRole('figure', { name: /^Run / }).first().getByLabel('Output').getByText('from the page').waitFor();
    });
    it('asked nobody else for anything, and broke nowhere', () => {
      assert.deepEqual(elsewhere, []);
      assert.deepEqual(broken, []);
    });
  });
}
