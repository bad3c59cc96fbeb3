import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it, suite } from 'node:test';
import { faultsInEveryLook } from './testing/axe.ts';
import { browserMissing, goTo, setStage } from './testing/browser.ts';

suite('files and runs in a real browser', { skip: browserMissing }, () => {
  const { signedIn } = setStage();

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

  it('axe finds nothing wrong and nothing is cut off, in both themes, wide and at 360 px', async (test) => {
    const { page, gateway } = await signedIn(test, { seeded: true });
    gateway.files.put({ 'notes/plan.md': 'x', [`${'long-'.repeat(40)}name.txt`]: 'y', 'src/a.ts': 'z' }, [
      { path: 'src', type: 'directory', size: 0, modifiedAt: Date.now() }, { path: 'zlink', type: 'symlink', size: 0, modifiedAt: Date.now(), target: 'src/a.ts' },
    ]);
    await goTo(page, '#/c/default/files', 'Files');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByText('zlink').waitFor();
    const found = await faultsInEveryLook(page, 'files');
    await page.evaluate(`location.hash = '#/c/default'`);
    await page.getByRole('textbox', { name: 'Message' }).fill('!pack');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('104 files changed').click();
    gateway.world.ask({ command: 'python3 -', risk: 'low', reasons: [], more: { network: { hosts: ['pypi.org', 'files.pythonhosted.org'] }, stdin: 'print(1)' } });
    await page.getByLabel('Standard input').waitFor();
    found.push(...(await faultsInEveryLook(page, 'chat')));
    assert.deepEqual(found, []);
  });
});
