import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it, suite } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { axeViolations } from './testing/axe.ts';
import { browserMissing, buildApp, launchChromium, visit, type Visit } from './testing/browser.ts';
import { fakeFirstCode, fakeSecret, refusedBridge } from './testing/fake-messengers.ts';
import { fakeCode } from './testing/fake-routes.ts';

let browser: Browser;
let app: Awaited<ReturnType<typeof buildApp>>;
const signedIn = async (...[test, options]: [Parameters<typeof visit>[0], Parameters<typeof visit>[3]?]): Promise<Visit> => {
  const guest = await visit(test, browser, app.dist, options);
  await guest.page.goto(`${guest.origin}/#code=${fakeCode}`);
  await guest.page.getByRole('textbox', { name: 'Message' }).waitFor();
  return guest;
};
const goTo = async (page: Page, hash: string, title: string) => {
  await page.evaluate(`location.hash = '${hash}'`);
  await page.getByRole('heading', { name: title, level: 1 }).waitFor();
};
const sideways = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
const admin = { platform: 'telegram', sender: '123456789' };
const codes = (confirmed: boolean) => ({ ...admin, confirmed, enrolledAt: Date.now() - 60_000, lastUsedAt: null });

suite('messengers and files in a real browser', { skip: browserMissing }, () => {
  before(async () => {
    [browser, app] = await Promise.all([launchChromium(), buildApp()]);
  });
  after(async () => {
    await browser.close();
    await app.remove();
  });

  describe('messengers', () => {
    it('that are off say so, how to set one up, and what would leave', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('list', { name: 'Pages' }).getByRole('link', { name: 'Messengers' }).click();
      await page.getByText('Nothing leaves this machine through one.').waitFor();
      await page.getByText('To set it up').waitFor();
      await page.getByText('What leaves this machine through a messenger').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Try again now' }).count(), 0);
    });
    it('that are refused say why and what to do, what was found, and what did not arrive; another attempt is one button', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setBridge(refusedBridge(Date.now()));
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByText('OpenClaw does not take the token.').waitFor();
      await page.getByText('What to do: Set OPENCLAW_AUTH_TOKEN').waitFor();
      await page.getByText('mend this first, then try again').waitFor();
      await page.getByRole('list', { name: 'Findings' }).getByText('It happened: OpenClaw’s own agent ran a command.').waitFor();
      await page.getByText('123\\u{202E}456').waitFor();
      await page.getByText('Given up after 9 attempts.').waitFor();
      await page.getByRole('button', { name: 'Try again now' }).click();
      await page.getByText('People you listed are answered.').waitFor();
      await page.getByText('None: every answer arrived').waitFor();
    });
    it('that are refused again say so as soon as it is known', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setBridge(refusedBridge(Date.now()));
      gateway.messengers.setRefusesAgain(true);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByRole('button', { name: 'Try again now' }).click();
      await page.getByText('OpenClaw is being asked.').waitFor();
      await page.getByText('It was tried again. What stands above is how that ended.').waitFor();
      await page.getByText('OpenClaw does not take the token.').waitFor();
    });
    it('that another process runs say to ask again', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setBridge({ name: 'openclaw', state: 'standby', counters: {}, findings: [], undelivered: [] });
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByText('Another process of this MegaBot runs the bridge').waitFor();
      await page.getByRole('button', { name: 'Try again now' }).click();
      await page.getByRole('alert').getByText('The bridge is run by another process of this MegaBot. Repeat this in a few seconds.').waitFor();
    });
    it('that cannot be asked leave the rest of the page as it is', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setAway(true);
      gateway.messengers.setAdmins([admin]);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByRole('alert').getByText('The bridges cannot be asked. Try again in a moment.').waitFor();
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).waitFor();
    });
    it('are named on the page of health, where they are on', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setBridge(refusedBridge(Date.now()));
      await goTo(page, '#/health', 'Health');
      await page.getByRole('link', { name: 'refused' }).click();
      await page.getByRole('heading', { name: 'Messengers', level: 1 }).waitFor();
    });
  });

  describe('one-time codes', () => {
    it('are set up with a QR code or by typing, and count after a first code', async (test) => {
      const { page, gateway, origin, addresses, errors } = await signedIn(test);
      gateway.messengers.setAdmins([admin]);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByText('No codes yet').waitFor();
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
      const typed = (await page.locator('.typed-secret').textContent()) ?? '';
      assert.equal(typed.replaceAll(' ', ''), fakeSecret);
      const confirm = page.getByRole('button', { name: 'Put into use' });
      await page.getByLabel('The six digits that the app shows').fill('12345');
      assert.equal(await confirm.getAttribute('aria-disabled'), 'true');
      await page.getByLabel('The six digits that the app shows').fill('000000');
      await confirm.click();
      await page.getByText('The code is not right. Take the one that your app shows now.').waitFor();
      await page.getByLabel('The six digits that the app shows').fill(`${fakeFirstCode.slice(0, 3)} ${fakeFirstCode.slice(3)}`);
      await page.keyboard.press('Enter');
      await page.getByText('telegram 123456789 can decide with codes from now on.').waitFor();
      await page.getByText('In use since').waitFor();
      assert.equal(await page.getByText(typed).count(), 0);
      assert.deepEqual(addresses.filter((address) => !address.startsWith('data:') && new URL(address).host !== new URL(origin).host), []);
      assert.deepEqual(errors, []);
    });
    it('show their secret this once, and keep it nowhere', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setAdmins([admin]);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
      const kept = await page.evaluate<string>('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])');
      assert.ok(!kept.includes(fakeSecret), kept);
      await page.reload();
      await page.getByRole('button', { name: 'Confirm codes of telegram 123456789' }).click();
      await page.getByText('shown once and is not shown again').waitFor();
      assert.equal(await page.getByRole('img', { name: 'QR code of the secret' }).count(), 0);
      await page.getByLabel('The six digits that the app shows').fill(fakeFirstCode);
      await page.keyboard.press('Enter');
      await page.getByText('In use since').waitFor();
    });
    it('whose ten minutes are over say to start again', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setAdmins([admin]);
      gateway.messengers.setSecretLasts(1_500);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await page.getByText('this secret does not count').waitFor();
      assert.equal(await page.getByRole('img', { name: 'QR code of the secret' }).count(), 0);
      assert.equal(await page.getByRole('button', { name: 'Put into use' }).count(), 0);
    });
    it('are removed after a second question, also those of somebody who is no admin any more', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setEnrolled([codes(true)]);
      await goTo(page, '#/messengers', 'Messengers');
      await page.getByText('No longer an admin: these codes decide nothing.').waitFor();
      await page.getByRole('button', { name: 'Remove codes of telegram 123456789' }).click();
      await page.getByRole('button', { name: 'Remove for good' }).click();
      await page.getByText('telegram 123456789 has no codes any more').waitFor();
      await page.getByText('No admin of a messenger is listed.').waitFor();
    });
  });

  describe('files of a conversation', () => {
    it('are listed page by page with nothing hidden in a name, and downloaded as they are', async (test) => {
      const { page, gateway, errors } = await signedIn(test);
      gateway.files.put({ 'a.txt': 'first', 'b\u202Etxt.exe': 'x', 'c d/#1?.md': 'odd', 'd.txt': 'd', 'e.txt': 'last' });
      await page.getByRole('link', { name: 'Files' }).click();
      await page.getByRole('heading', { name: 'Files', level: 1 }).waitFor();
      await page.getByText('b\\u{202E}txt.exe').waitFor();
      await page.getByText('5 entries, 14 B').waitFor();
      assert.equal(await page.getByText('e.txt').count(), 0);
      await page.getByRole('button', { name: 'Show more' }).click();
      await page.getByText('e.txt').waitFor();
      const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download c d/#1?.md' }).click()]);
      assert.equal(await readFile(await saved.path(), 'utf8'), 'odd');
      assert.match(saved.suggestedFilename(), /^#1.\.md$/);
      await page.getByText('#1?.md was handed to the browser to save.').waitFor();
      assert.deepEqual(errors, []);
    });
    it('that changed while the list was read begin again', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.files.put({ a: '', b: '', c: '', d: '', e: '' });
      await goTo(page, '#/c/default/files', 'Files');
      await page.getByText('5 entries').waitFor();
      gateway.files.put({ z: 'new' });
      await page.getByRole('button', { name: 'Show more' }).click();
      await page.getByText('The files changed meanwhile').waitFor();
      await page.getByText('1 entry, 3 B').waitFor();
    });
    it('that are gone, or break off, say so and save nothing', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.files.put({ 'broken.bin': 'half', 'gone.txt': '' });
      await goTo(page, '#/c/default/files', 'Files');
      let downloads = 0;
      page.on('download', () => (downloads += 1));
      await page.getByRole('button', { name: 'Download broken.bin' }).click();
      await page.getByRole('alert').getByText('The download broke off, and nothing was saved.').waitFor();
      gateway.files.put({});
      await page.getByRole('button', { name: 'Download gone.txt' }).click();
      await page.getByRole('alert').getByText('There is no such file in the workspace.').waitFor();
      assert.equal(downloads, 0);
    });
  });

  describe('a run and an approval', () => {
    it('a run says which files it changed, that its output is cut, and where output that is no text is', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('textbox', { name: 'Message' }).fill('!pack');
      await page.keyboard.press('Enter');
      const run = page.getByRole('figure', { name: /^Run / });
      await run.getByText('The output was longer than is kept').waitFor();
      const link = run.getByRole('link', { name: 'Download it byte for byte' });
      assert.match((await link.getAttribute('href')) ?? '', /^\/api\/v1\/runs\/\w+\/output$/);
      await run.getByText('104 files changed').click();
      const changed = run.getByRole('list', { name: 'Changed files' });
      assert.deepEqual(await changed.getByRole('listitem').allInnerTexts().then((rows) => rows.map((row) => row.replaceAll(/\s+/g, ' '))), ['changed notes/plan.md 2.0 KiB', 'added out/b\\u{202E}dm.exe 7 B', 'removed old.log 3.4 MiB']);
      await run.getByText('And 101 more.').waitFor();
      await run.getByRole('link', { name: 'All files of this conversation' }).click();
      await page.getByRole('heading', { name: 'Files', level: 1 }).waitFor();
    });
    it('only approvals that are all in their command are decided together', async (test) => {
      const { page, gateway } = await signedIn(test);
      const plain = { risk: 'low' as const, reasons: [] };
      for (const command of ['date', 'uptime']) gateway.world.ask({ ...plain, command });
      gateway.world.ask({ ...plain, command: 'curl https://pypi.org', more: { network: { hosts: ['pypi.org'] } } });
      gateway.world.ask({ ...plain, command: 'python3 -', more: { stdin: 'print(1)' } });
      await goTo(page, '#/approvals', 'Approvals');
      await page.getByText('4 approvals wait').waitFor();
      await page.getByRole('article', { name: /^Approval / }).nth(3).waitFor();
      const together = page.getByRole('region', { name: /^Low risk, decided together/ });
      assert.deepEqual((await together.getByLabel('Exact command').allTextContents()).toSorted(), ['date', 'uptime']);
    });
    it('an approval names every host that the command would reach, and wants all of its input seen', async (test) => {
      const { page, gateway } = await signedIn(test);
      const { shortId } = gateway.world.ask({ command: 'python3 -', risk: 'low', reasons: [], more: { network: { hosts: ['pypi.org', 'files.pythonhosted.org'] }, stdin: `${'print(1)\n'.repeat(60)}# the end\u200B` } });
      const card = page.getByRole('article', { name: `Approval ${shortId}` });
      await card.getByText('files.pythonhosted.org').waitFor();
      await card.getByText('pypi.org').waitFor();
      await card.getByText('Show all of the standard input to approve it.').waitFor();
      assert.equal(await card.getByRole('button', { name: 'Approve once', disabled: true }).count(), 1);
      await card.getByRole('button', { name: /^Show all: 61 lines/ }).click();
      assert.match((await card.getByLabel('Standard input').textContent()) ?? '', /# the end\\u\{200B\}$/);
      await card.getByRole('button', { name: 'Approve once', disabled: false }).waitFor();
    });
  });

  describe('accessibility', () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const [where, viewport] of [['wide', { width: 1280, height: 900 }], ['360 px', { width: 360, height: 740 }]] as const) {
        it(`axe finds nothing wrong and nothing is cut off, ${colorScheme}, ${where}`, async (test) => {
          const { page, gateway } = await signedIn(test, { seeded: true, colorScheme, viewport });
          const found: string[] = [];
          const check = async (name: string) => {
            found.push(...(await axeViolations(page)).map((violation) => `${name}: ${violation}`));
            if ((await sideways(page)) > 0) found.push(`${name} scrolls sideways`);
          };
          gateway.messengers.setAdmins([admin, { platform: 'discord', sender: 'a-very-long-name-without-any-place-to-break-it-apart' }]);
          await goTo(page, '#/messengers', 'Messengers');
          await page.getByText('To set it up').waitFor();
          await check('messengers off');
          gateway.messengers.setBridge(refusedBridge(Date.now()));
          gateway.messengers.setEnrolled([codes(true)]);
          await goTo(page, '#/health', 'Health');
          await goTo(page, '#/messengers', 'Messengers');
          await page.getByRole('button', { name: 'Remove codes of telegram 123456789' }).click();
          await page.getByRole('button', { name: /^Set up codes for discord/ }).click();
          await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
          await page.getByText('Given up after').waitFor();
          await check('messengers refused, enrolling');
          gateway.files.put({ 'notes/plan.md': 'x', [`${'long-'.repeat(40)}name.txt`]: 'y', 'src/a.ts': 'z' }, [
            { path: 'src', type: 'directory', size: 0, modifiedAt: Date.now() }, { path: 'zlink', type: 'symlink', size: 0, modifiedAt: Date.now(), target: 'src/a.ts' },
          ]);
          await goTo(page, '#/c/default/files', 'Files');
          await page.getByRole('button', { name: 'Show more' }).click();
          await page.getByText('zlink').waitFor();
          await check('files');
          await page.evaluate(`location.hash = '#/c/default'`);
          await page.getByRole('textbox', { name: 'Message' }).fill('!pack');
          await page.getByRole('button', { name: 'Send' }).click();
          await page.getByText('104 files changed').click();
          gateway.world.ask({ command: 'python3 -', risk: 'low', reasons: [], more: { network: { hosts: ['pypi.org', 'files.pythonhosted.org'] }, stdin: 'print(1)' } });
          await page.getByLabel('Standard input').waitFor();
          await check('chat');
          assert.deepEqual(found, []);
        });
      }
    }
  });
});
