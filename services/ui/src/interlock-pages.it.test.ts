import assert from 'node:assert/strict';
import { describe, it, suite } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsInEveryLook } from './testing/axe.ts';
import { browserMissing, goTo, setStage } from './testing/browser.ts';
import { seedApprovals } from './testing/fake-data.ts';

const cardOf = (page: Page, shortId: string) => page.getByRole('article', { name: `Approval ${shortId}` });
const scriptShell = (command: string, risk: 'low' | 'medium' | 'high' = 'low') => ({ command, risk, reasons: ['No allow rule matches it.'] });

suite('approvals and policy in a real browser', { skip: browserMissing }, () => {
  const { signedIn, visit } = setStage();

  describe('an approval', () => {
    it('shows the parts of the command with their rules, warnings, and what it sees and may use', async (test) => {
      const { page, gateway } = await signedIn(test);
      const [low, , high] = seedApprovals;
      assert.ok(low && high);
      const shown = gateway.world.ask({ ...high, conversation: 'default' });
      const card = cardOf(page, shown.shortId);
      await card.getByText('The 2 commands in it').waitFor();
      await card.getByText(/allow rule 4/).waitFor();
      await card.getByRole('list', { name: 'Warnings' }).getByText('It deletes whatever the pattern finds').waitFor();
      const plain = cardOf(page, gateway.world.ask(low).shortId);
      await plain.getByText('the workspace of this conversation, to read and write').waitFor();
      await plain.getByText('2 min 00 s, 512 MiB of memory, 1 core, 256 processes').waitFor();
    });
    it('shows what changes in files, with nothing hidden, and wants all of it seen', async (test) => {
      const { page, gateway } = await signedIn(test);
      const changed = Array.from({ length: 90 }, (_, line) => `+line ${line}`).join('\n');
      const { shortId } = gateway.world.ask({ kind: 'file_write', command: 'notes.txt', risk: 'low', reasons: [], more: { diff: `--- a/notes.txt\n+++ b/notes.txt\n@@ -1,1 +1,91 @@\n same\u202E\n${changed}\n` } });
      const card = cardOf(page, shortId);
      await card.getByText('90 added, 0 removed').waitFor();
      await card.getByText('Show all of the changes to approve them.').waitFor();
      assert.equal(await card.getByRole('button', { name: 'Approve once', disabled: true }).count(), 1);
      await card.getByRole('button', { name: /^Show all changes: 94 lines/ }).click();
      const text = (await card.getByRole('group', { name: 'Changes' }).textContent()) ?? '';
      assert.ok(text.includes('same\\u{202E}') && text.includes('line 89'), text.slice(0, 300));
      await card.getByRole('button', { name: 'Approve once', disabled: false }).click();
      await card.getByText('Approved by owner').waitFor();
    });
    it('can be allowed for the conversation, which the policy page lists and takes back', async (test) => {
      const { page, gateway } = await signedIn(test);
      const { shortId } = gateway.world.ask(scriptShell('npm test'));
      await cardOf(page, shortId).getByRole('button', { name: 'For this conversation', disabled: false }).click();
      await cardOf(page, shortId).getByText('Approved by owner').waitFor();
      await goTo(page, '#/policy', 'Policy');
      await page.getByRole('region', { name: /^Allowed for one conversation/ }).getByText('npm test').waitFor();
      await page.getByRole('button', { name: 'Take back npm test' }).click();
      await page.getByText('Allowed for one conversation').waitFor({ state: 'detached' });
    });
    it('can be allowed for ever, after the rule was shown; not where no rule can say it, nor at high risk', async (test) => {
      const { page, gateway } = await signedIn(test);
      const card = cardOf(page, gateway.world.ask(scriptShell('git push origin')).shortId);
      await card.getByRole('button', { name: 'Always…', disabled: false }).click();
      await card.getByText('=git push origin').waitFor();
      assert.equal([...gateway.world.approvals.values()][0]?.status, 'pending', 'showing the rule decides nothing');
      await card.getByRole('button', { name: 'Add the rule and run it' }).click();
      await card.getByText('Approved by owner').waitFor();
      const piped = cardOf(page, gateway.world.ask(scriptShell('ls | sh')).shortId);
      await piped.getByRole('button', { name: 'For this conversation' }).waitFor();
      assert.equal(await piped.getByRole('button', { name: 'Always…' }).count(), 0);
      const risky = cardOf(page, gateway.world.ask(scriptShell('reboot', 'high')).shortId);
      await risky.getByRole('button', { name: 'Approve once' }).waitFor();
      assert.equal(await risky.getByRole('button', { name: /^(Always…|For this conversation)$/ }).count(), 0);
    });
    it('can be rejected with a reason, by keyboard alone', async (test) => {
      const { page, gateway } = await signedIn(test);
      const approval = gateway.world.ask(scriptShell('date'));
      const card = cardOf(page, approval.shortId);
      await card.getByRole('button', { name: 'Say why not…' }).focus();
      await page.keyboard.press('Enter');
      await card.getByLabel(/^Why not/).waitFor();
      await card.getByRole('button', { name: 'Approve once', disabled: false }).waitFor();
      // The letters that decide elsewhere are letters here.
      await page.keyboard.type('yes, but not now');
      assert.equal(approval.status, 'pending');
      await page.keyboard.press('Enter');
      await card.getByText('Rejected by owner').waitFor();
      await card.getByText('yes, but not now').waitFor();
    });
    it('can be edited first: the new command is asked for anew, or denied, and the old one ends', async (test) => {
      const { page, gateway } = await signedIn(test);
      const first = gateway.world.ask(scriptShell('ls -la'));
      const card = cardOf(page, first.shortId);
      await card.getByRole('button', { name: 'Edit…' }).click();
      await card.getByLabel(/^The command as you would have it/).fill('ls -l\u200B');
      await card.getByText('1 invisible or direction-changing character').waitFor();
      await card.getByLabel(/^The command as you would have it/).fill('ls');
      await card.getByRole('button', { name: 'Judge this instead', disabled: false }).click();
      await card.getByText(/waits as/).waitFor();
      await card.getByText(/^Cancelled/).waitFor();
      const second = [...gateway.world.approvals.values()].find((one) => one.editedFrom === first.id);
      assert.equal(second?.command, 'ls');
      const next = cardOf(page, second.shortId);
      await next.getByRole('button', { name: 'Edit…' }).click();
      await next.getByLabel(/^The command as you would have it/).fill('rm -r /');
      await next.getByRole('button', { name: 'Judge this instead', disabled: false }).click();
      await next.getByText(/is denied by the rule rm/).waitFor();
    });
  });

  describe('the list of approvals', () => {
    it('decides those of low risk together: those that were chosen, and no others', async (test) => {
      const { page, gateway } = await signedIn(test);
      const [one, two, risky] = [gateway.world.ask(scriptShell('date')), gateway.world.ask(scriptShell('uptime')), gateway.world.ask(scriptShell('curl x', 'medium'))];
      await goTo(page, '#/approvals', 'Approvals');
      const batch = page.getByRole('region', { name: /^Low risk, decided together/ });
      assert.equal(await batch.getByRole('checkbox').count(), 2);
      assert.equal(await batch.getByText('curl x').count(), 0);
      await batch.getByRole('checkbox').nth(0).check();
      await batch.getByRole('button', { name: 'Run 1 chosen once', disabled: false }).click();
      await cardOf(page, one.shortId).getByText('Approved by owner').waitFor();
      assert.deepEqual([one.status, two.status, risky.status], ['approved', 'pending', 'pending']);
    });
    it('has the one in front that a link names, decided or not, and says so where there is none', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.world.ask(scriptShell('date'));
      const named = gateway.world.ask(scriptShell('uptime'));
      await page.evaluate(`location.hash = '#/approvals/${named.id}'`);
      await page.getByRole('heading', { name: 'Approvals', level: 1 }).waitFor();
      assert.equal(await page.getByRole('main').getByRole('article').first().getAttribute('aria-label'), `Approval ${named.shortId}`);
      assert.equal(await page.getByRole('article').count(), 2);
      await page.evaluate(`location.hash = '#/approvals/zzzz'`);
      await page.getByText('There is no such thing.').waitFor();
    });
    it('says why none was decided', async (test) => {
      const { page, gateway } = await signedIn(test);
      const [one] = [gateway.world.ask(scriptShell('date')), gateway.world.ask(scriptShell('uptime'))];
      await goTo(page, '#/approvals', 'Approvals');
      await page.getByRole('button', { name: 'Choose all' }).click();
      await page.getByRole('button', { name: 'Run 2 chosen once', disabled: false }).waitFor();
      one.status = 'expired';
      await page.getByRole('button', { name: 'Run 2 chosen once' }).click();
      await page.getByText('None was decided: one of them is decided already.').waitFor();
    });
  });

  describe('the policy', () => {
    it('shows what a pattern would have covered before it is added, and takes a change back', async (test) => {
      const { page } = await signedIn(test);
      await goTo(page, '#/policy', 'Policy');
      await page.getByLabel('Pattern to allow').fill('git log');
      await page.keyboard.press('Enter');
      await page.getByText('Of the 40 different commands asked for lately these would have run without asking:').waitFor();
      await page.getByText('git log --short').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Remove git log from allow' }).count(), 0);
      await page.getByRole('button', { name: 'Allow it' }).click();
      await page.getByRole('button', { name: 'Remove git log from allow' }).waitFor();
      await page.getByRole('button', { name: 'Undo the last change' }).click();
      await page.getByText('Version 1 is in force again.').waitFor();
      await page.getByRole('button', { name: 'Put back version 2' }).waitFor();
      await page.getByRole('button', { name: 'Remove git log from allow' }).waitFor({ state: 'detached' });
    });
    it('tests a command part by part, and says the danger of plain text matching', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.setPolicy({ matching: 'contains' });
      await goTo(page, '#/policy', 'Policy');
      await page.getByText('Rules are compared as plain text').waitFor();
      await page.getByLabel('Command to test').fill('ls -la && rm -r build');
      await page.keyboard.press('Enter');
      await page.getByText('The 2 commands in it').waitFor();
      await page.getByText('(characters 11 to 21)').waitFor();
      await page.getByText('It deletes a folder.').waitFor();
    });
    it('judges a tested command again when the policy becomes another one', async (test) => {
      const { page, gateway } = await signedIn(test);
      await goTo(page, '#/policy', 'Policy');
      await page.getByLabel('Command to test').fill('ls -la && rm -r build');
      await page.keyboard.press('Enter');
      await page.getByText('The 2 commands in it').waitFor();
      const asked = () => gateway.requests.filter(({ path }) => path === '/api/v1/policy/test').length;
      assert.equal(asked(), 1);
      await page.getByRole('button', { name: 'Remove git status from allow' }).click();
      while (asked() < 2) await page.waitForTimeout(20);
    });
  });

  describe('accessibility', () => {
    it('axe finds nothing wrong on any page and nothing is cut off, in both themes, wide and at 360 px', async (test) => {
      const { page, gateway } = await signedIn(test, { seeded: true, viewport: { width: 1280, height: 900 } });
      const found: string[] = [];
      const check = async (name: string) => found.push(...(await faultsInEveryLook(page, name)));
      await page.getByText('propose').or(page.getByRole('log')).first().waitFor();
      for (const seed of seedApprovals) gateway.world.ask(seed);
      gateway.setPolicy({ lockdown: true, warnings: ['`allow *` is in force.'], matching: 'contains', grants: [{ id: 'g1', conversation: 'default', command: 'npm test', grantedBy: 'owner', grantedAt: Date.now(), expiresAt: Date.now() + 3_600_000 }] });
      gateway.world.emit({ type: 'notice', text: 'Everything was stopped.' });
      await page.getByRole('region', { name: 'Lockdown' }).waitFor();
      await page.getByRole('article', { name: /^Approval / }).first().waitFor();
      await check('chat');
      await goTo(page, '#/approvals', 'Approvals');
      await page.getByRole('button', { name: 'Edit…' }).first().click();
      await page.getByRole('button', { name: 'Say why not…' }).nth(1).click();
      await check('approvals');
      await goTo(page, '#/policy', 'Policy');
      await page.getByLabel('Command to test').fill('ls -la && rm -r build');
      await page.keyboard.press('Enter');
      await page.getByText('The 2 commands in it').waitFor();
      await page.getByLabel('Pattern to deny').fill('*');
      await page.getByLabel('Pattern to allow').fill('git log');
      await page.keyboard.press('Enter');
      await page.getByText('git log --short').waitFor();
      await page.getByRole('button', { name: 'Remove ls from allow' }).click();
      await page.getByRole('button', { name: 'Put back version 1' }).waitFor();
      await check('policy');
      for (const name of ['Memory', 'Activity', 'Health']) {
        await goTo(page, `#/${name.toLowerCase()}`, name);
        await check(name);
      }
      await page.keyboard.press('Control+.');
      await page.getByRole('dialog').getByRole('article').first().waitFor();
      await check('drawer');
      assert.deepEqual(found, []);
    });
    it('axe finds nothing wrong with signing in', async (test) => {
      const { page, origin } = await visit(test);
      await page.goto(`${origin}/#code=used`);
      await page.getByRole('alert').waitFor();
      assert.deepEqual(await faultsInEveryLook(page, 'signing in'), []);
    });
  });
});
