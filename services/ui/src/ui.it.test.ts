import assert from 'node:assert/strict';
import { describe, it, suite } from 'node:test';
import type { Page } from 'playwright-core';
import { browserMissing, elsewhere, messageField, setStage, sideways, type Visit } from './testing/browser.ts';
import { seedApprovals } from './testing/fake-data.ts';
import { fakeToken } from './testing/fake-routes.ts';

const say = async (page: Page, text: string) => {
  await messageField(page).fill(text);
  await page.keyboard.press('Enter');
};
/** Resolves once the page has asked for nothing for a while, so that what changes next is news to it. */
const quiet = async ({ requests }: Visit['gateway']) => {
  for (let before = -1; before !== requests.length; await new Promise((resolve) => setTimeout(resolve, 400))) before = requests.length;
};
const focused = (page: Page) => page.evaluate<string>('document.activeElement?.textContent ?? ""');

suite('the page in a real browser', { skip: browserMissing }, () => {
  const stage = setStage();
  const { signedIn } = stage;

  describe('weight', () => {
    it('the app’s scripts are 170 kB or less, compressed', () => assert.ok(stage.scriptBytes > 0 && stage.scriptBytes <= 170_000, `${stage.scriptBytes} bytes`));
  });

  describe('signing in', () => {
    it('by link: the code is used once and leaves the address at once', async (test) => {
      const { page, origin, errors } = await signedIn(test);
      assert.equal(page.url(), `${origin}/`);
      await page.reload();
      await messageField(page).waitFor();
      assert.deepEqual(errors, []);
    });
    it('with a used link says so, and the token still works', async (test) => {
      const { page, origin } = await stage.visit(test);
      await page.goto(`${origin}/#code=used`);
      await page.getByRole('alert').getByText('This sign-in link was already used.').waitFor();
      await page.getByLabel('Access token').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('The token is wrong.').waitFor();
      await page.getByLabel('Access token').fill(fakeToken);
      await page.keyboard.press('Enter');
      await messageField(page).waitFor();
    });
    it('ends with signing out', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in to MegaBot' }).waitFor();
    });
  });

  describe('a conversation', () => {
    it('streams the answer and keeps it', async (test) => {
      const { page, gateway, errors } = await signedIn(test);
      await say(page, 'please stream something');
      const log = page.getByRole('log');
      await log.locator('.answer.live').waitFor();
      await log.getByText('propose commands, which you see before anything runs.').waitFor();
      await log.locator('.answer.live').waitFor({ state: 'detached' });
      assert.deepEqual([...gateway.sent.values()].map((one) => one.times), [1]);
      assert.deepEqual(errors, []);
    });
    it('draws markdown without loading what it names', async (test) => {
      const { page, addresses } = await signedIn(test);
      await say(page, 'markdown');
      await page.getByText('image not loaded: disk usage').waitFor();
      assert.equal(await page.locator('img').count(), 0);
      assert.deepEqual(addresses.filter((address) => address.includes('tracker')), []);
    });
    it('shows a run as it prints, with nothing obeyed', async (test) => {
      const { page } = await signedIn(test);
      await say(page, '!run ls -la');
      const run = page.getByRole('figure', { name: /^Run / });
      await run.getByText('Done, exit 0').waitFor();
      const output = (await run.getByLabel('Output').textContent()) ?? '';
      assert.match(output, /README\.md {2}src/);
      assert.ok(output.includes('\\u{1B}]0;owned\\u{7} clear: \\u{1B}[2J end'), output);
      assert.match((await run.locator('.stderr').textContent()) ?? '', /Permission denied/);
      await page.reload();
      await page.getByRole('figure', { name: /^Run / }).getByText('Permission denied').waitFor();
    });
    it('can be stopped', async (test) => {
      const { page } = await signedIn(test);
      await say(page, 'slow');
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('This turn was stopped.').waitFor();
      await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    });
    it('says what failed and what to do', async (test) => {
      const { page } = await signedIn(test);
      await say(page, 'fail');
      await page.getByText('No model is reachable.').waitFor();
      await page.getByText('This turn failed.').waitFor();
    });
    it('can be made, renamed and set to another mode', async (test) => {
      const { page, gateway } = await signedIn(test);
      await page.getByRole('button', { name: 'New conversation' }).click();
      await page.getByRole('heading', { name: 'New conversation' }).waitFor();
      await page.getByRole('button', { name: 'Rename conversation' }).click();
      await page.getByLabel('Title of the conversation').fill('Garden');
      await page.keyboard.press('Enter');
      await page.getByRole('list', { name: 'Conversations' }).getByText('Garden').waitFor();
      await page.getByLabel('Mode').selectOption('plan');
      // The page shows the mode once the gateway has taken it.
      while ((await page.getByLabel('Mode').inputValue()) !== 'plan') await page.waitForTimeout(20);
      const made = [...gateway.world.conversations.values()].find((one) => one.title === 'Garden');
      assert.equal(made?.mode, 'plan');
    });
  });

  describe('what was typed is never lost', () => {
    it('a refused message stays, and is sent again under the same id', async (test) => {
      const { page, gateway } = await signedIn(test);
      await say(page, 'refuse this once');
      await page.getByText('The store is away.').waitFor();
      await page.reload();
      await page.getByText('The store is away.').waitFor();
      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByText('propose commands').waitFor();
      assert.deepEqual([...gateway.sent.values()], [{ text: 'refuse this once', times: 2 }]);
    });
    it('a draft survives a reload', async (test) => {
      const { page } = await signedIn(test);
      await messageField(page).fill('half a thought');
      await page.reload();
      await messageField(page).waitFor();
      assert.equal(await messageField(page).inputValue(), 'half a thought');
    });
    it('without a connection messages wait, and what happened meanwhile is fetched', async (test) => {
      const { page, gateway } = await signedIn(test);
      await say(page, 'first stream');
      await page.getByText('propose commands').waitFor();
      gateway.offline();
      await page.getByText('Reconnecting.').waitFor();
      await say(page, 'written offline');
      await page.getByText('Waits for the connection').waitFor();
      gateway.world.ask({ command: 'date', risk: 'low', reasons: ['Asked while you were away.'] });
      gateway.world.begin('default', 'fail, said elsewhere');
      gateway.online();
      await page.getByText('Reconnecting.').waitFor({ state: 'detached' });
      await page.getByText('Waits for the connection').waitFor({ state: 'detached' });
      await page.getByText('fail, said elsewhere').waitFor();
      await page.getByText('No model is reachable.').waitFor();
      await page.getByRole('button', { name: 'Pending approvals: 1' }).waitFor();
      await page.getByText('propose commands').nth(1).waitFor();
      assert.deepEqual([...gateway.sent.values()].map((one) => [one.text, one.times]), [['first stream', 1], ['written offline', 1]]);
      assert.equal(await page.getByText('written offline').count(), 1);
    });
  });

  describe('approvals', () => {
    it('are decided by keyboard alone: . opens the first, y approves', async (test) => {
      const { page, gateway } = await signedIn(test);
      await say(page, 'please ask me');
      await page.getByRole('article', { name: /^Approval / }).waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('.');
      const drawer = page.getByRole('dialog', { name: '1 pending' });
      await drawer.waitFor();
      assert.equal(await focused(page), 'Reject');
      await drawer.getByRole('button', { name: 'Approve', disabled: false }).waitFor();
      await page.keyboard.press('y');
      await page.getByRole('dialog').getByText('Approved by owner').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('It ran, and the folder is listed above.').waitFor();
      assert.deepEqual([...gateway.world.approvals.values()].map((one) => one.status), ['approved']);
    });
    it('do not listen to what somebody was typing when they appear', async (test) => {
      const { page, gateway } = await signedIn(test);
      await messageField(page).focus();
      gateway.world.ask({ command: 'reboot', risk: 'low', reasons: ['x'] });
      const card = page.getByRole('article', { name: /^Approval / });
      await card.waitFor();
      await page.keyboard.type('yes y');
      assert.equal(await messageField(page).inputValue(), 'yes y');
      await page.keyboard.press('Control+.');
      await page.keyboard.press('y');
      await page.keyboard.press('y');
      assert.equal([...gateway.world.approvals.values()][0]?.status, 'pending');
      await page.getByRole('dialog').getByRole('button', { name: 'Approve', disabled: false }).waitFor();
      assert.equal([...gateway.world.approvals.values()][0]?.status, 'pending');
    });
    it('can be rejected, and the card says by whom', async (test) => {
      const { page } = await signedIn(test);
      await say(page, 'please ask me');
      const card = page.getByRole('article', { name: /^Approval / });
      await card.getByRole('button', { name: 'Reject' }).click();
      await card.getByText('Rejected by owner').waitFor();
      await page.getByText('Understood, I will not run it.').waitFor();
      await page.getByRole('button', { name: 'Pending approvals: none' }).waitFor();
    });
    it('of high risk want the end of the id typed', async (test) => {
      const { page, gateway } = await signedIn(test);
      await say(page, 'high');
      const card = page.getByRole('article', { name: /^Approval / });
      await card.getByText('High risk', { exact: true }).waitFor();
      const approval = [...gateway.world.approvals.values()][0];
      const field = card.getByLabel(/^High risk: type/);
      await field.fill('nope');
      await field.press('Enter');
      assert.equal(approval?.status, 'pending');
      await field.fill(approval.shortId.slice(-4));
      await card.getByRole('button', { name: 'Approve' }).click();
      await card.getByText('Approved by owner').waitFor();
    });
    it('show every character of the command, and all of it before it can be approved', async (test) => {
      const { page, gateway } = await signedIn(test);
      await say(page, 'bidi');
      const command = page.getByLabel('Exact command');
      await command.waitFor();
      const shown = (await command.textContent()) ?? '';
      assert.ok(shown.includes('"harmless\\u{202E}\\u{2066} # \\u{2069}"') && shown.includes('notes\\u{200B}.txt\\u{A0}'), shown);
      await page.getByText('5 invisible or direction-changing characters').waitFor();
      const [file] = seedApprovals.filter((seed) => seed.kind === 'file_write');
      assert.ok(file);
      const { shortId } = gateway.world.ask(file);
      const long = page.getByRole('article', { name: `Approval ${shortId}` });
      await long.getByText('Show all of the command to approve it.').waitFor();
      assert.equal(await long.getByRole('button', { name: 'Approve', disabled: true }).count(), 1);
      await long.getByRole('button', { name: /^Show all: 60 lines/ }).click();
      await long.getByText('59. Step 59 of the plan').waitFor();
      await long.getByRole('button', { name: 'Approve', disabled: false }).click();
      await long.getByText('Approved by owner').waitFor();
    });
    it('that end elsewhere or in time say how they ended', async (test) => {
      const { page, gateway } = await signedIn(test);
      const first = gateway.world.ask({ command: 'one', risk: 'low', reasons: [] });
      await page.getByRole('article', { name: `Approval ${first.shortId}` }).waitFor();
      gateway.world.decide(first, 'approve', 'device:phone');
      await page.getByText('Approved by device:phone').waitFor();
      const second = gateway.world.ask({ command: 'two', risk: 'low', reasons: [], expiresInMs: 1_500 });
      const card = page.getByRole('article', { name: `Approval ${second.shortId}` });
      await card.getByText(/Expires in 1 s/).waitFor();
      await card.getByText('Expired before anybody decided.').waitFor();
      assert.equal(await card.getByRole('button', { name: 'Approve' }).count(), 0);
    });
    it('decided by somebody faster show the record, not an error alone', async (test) => {
      const { page, gateway } = await signedIn(test);
      const approval = gateway.world.ask({ command: 'one', risk: 'low', reasons: [] });
      const card = page.getByRole('article', { name: `Approval ${approval.shortId}` });
      await card.getByRole('button', { name: 'Approve', disabled: false }).waitFor();
      Object.assign(approval, { status: 'rejected', decidedBy: 'device:phone', decidedAt: Date.now() });
      await card.getByRole('button', { name: 'Approve' }).click();
      await card.getByText('Rejected by device:phone').waitFor();
      await card.getByText('The approval was already decided.').waitFor();
    });
  });

  describe('the other pages', () => {
    it('change the policy, and on a conflict show the newer one', async (test) => {
      const { page, gateway } = await signedIn(test);
      await page.getByRole('link', { name: 'Policy' }).click();
      await page.getByRole('button', { name: 'Remove git status from allow' }).click();
      await page.getByRole('button', { name: 'Remove git status from allow' }).waitFor({ state: 'detached' });
      await quiet(gateway);
      gateway.bumpPolicy();
      await page.getByLabel('Pattern to allow').fill('git log');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByRole('button', { name: 'Allow it' }).click();
      await page.getByText('The policy has changed meanwhile.').waitFor();
      await page.getByRole('button', { name: 'Allow it' }).click();
      await page.getByRole('button', { name: 'Remove git log from allow' }).waitFor();
      await page.getByLabel('Command to test').fill('ls -la && rm -r build');
      await page.keyboard.press('Enter');
      await page.getByText('Ask: waits for your approval').waitFor();
    });
    it('remember, find and forget', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('link', { name: 'Memory' }).click();
      await page.getByLabel('Something to remember').fill('The key is under the mat.');
      await page.getByRole('button', { name: 'Remember' }).click();
      await page.getByText('Remembered.').waitFor();
      await page.getByLabel('Search in memory').fill('mat');
      await page.keyboard.press('Enter');
      await page.getByText('The key is under the mat.').waitFor();
      await page.getByRole('button', { name: 'Forget…' }).click();
      await page.getByRole('button', { name: 'Forget for good' }).click();
      await page.getByText('The key is under the mat.').waitFor({ state: 'detached' });
    });
    it('list and verify what happened, and say which service is down', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('link', { name: 'Activity' }).click();
      await page.getByText('rm -rf / --no-preserve-root').waitFor();
      await page.getByText('10\\u{202E}01 on Telegram', { exact: true }).waitFor();
      assert.equal(await page.getByText('bridge:telegram').count(), 0);
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.getByText('The chain of 6 entries is whole.').waitFor();
      await page.getByRole('link', { name: 'Health' }).click();
      await page.getByText('no model at http://127.0.0.1:11434').waitFor();
      await page.getByText('Encryption is off').waitFor();
    });
    it('a lockdown is said everywhere, and lifted with the token alone', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.setPolicy({ lockdown: true });
      gateway.world.emit({ type: 'notice', text: 'Everything was stopped.' });
      const banner = page.getByRole('region', { name: 'Lockdown' });
      await banner.getByRole('button', { name: 'Unlock…' }).click();
      await banner.getByLabel('Access token').fill('wrong');
      await page.keyboard.press('Enter');
      await banner.getByText('The token is wrong.').waitFor();
      await banner.getByLabel('Access token').fill(fakeToken);
      await page.keyboard.press('Enter');
      await banner.waitFor({ state: 'detached' });
    });
  });

  describe('every window and theme', () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`works at 360 px in the ${colorScheme} theme: no sideways scroll, all pages by the menu, nothing from elsewhere`, async (test) => {
        const guest = await signedIn(test, { seeded: true, colorScheme, viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
        const { page, gateway, errors } = guest;
        for (const seed of seedApprovals) gateway.world.ask(seed);
        await say(page, `bidi ${'word'.repeat(80)}`);
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByText('5 invisible').waitFor();
        assert.ok((await sideways(page)) <= 0);
        await page.getByRole('button', { name: /^Pending approvals/ }).click();
        await page.getByRole('dialog').getByText('High risk', { exact: true }).first().waitFor();
        assert.ok((await sideways(page)) <= 0);
        await page.getByRole('button', { name: 'Close', exact: true }).click();
        for (const name of ['Approvals', 'Policy', 'Memory', 'Activity', 'Health']) {
          await page.getByRole('button', { name: 'Menu' }).click();
          await page.getByRole('list', { name: 'Pages' }).getByRole('link', { name }).click();
          await page.getByRole('heading', { name, level: 1 }).waitFor();
          assert.ok((await sideways(page)) <= 0, name);
        }
        const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
        const [red = 0] = (background.match(/\d+/g) ?? []).map(Number);
        assert.equal(red < 128, colorScheme === 'dark', background);
        assert.deepEqual(elsewhere(guest), []);
        assert.deepEqual(errors, []);
      });
    }
    it('a chosen theme holds against the system’s and over a reload', async (test) => {
      const { page } = await signedIn(test, { colorScheme: 'dark' });
      await page.getByRole('button', { name: /^Theme: system/ }).click();
      await page.getByRole('button', { name: /^Theme: light/ }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: /^Theme: light/ }).waitFor();
      assert.equal(await page.evaluate<string>('document.documentElement.dataset.theme'), 'light');
    });
  });
});
