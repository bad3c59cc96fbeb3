import assert from 'node:assert/strict';
import { describe, it, suite } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsInEveryLook } from './testing/axe.ts';
import { browserMissing, elsewhere, goTo, setStage, sideways, type Visit } from './testing/browser.ts';
import { connectedBridge, fakeFirstCode, fakeSecondCode, fakeSecret, refusedBridge, telegramRules } from './testing/fake-messengers.ts';
import { readQr, type Picture } from './testing/read-qr.ts';

const admin = { platform: 'telegram', sender: '123456789' };
const codes = (confirmed: boolean) => ({ ...admin, confirmed, enrolledAt: Date.now() - 60_000, lastUsedAt: null });
const openMessengers = async (page: Page) => await goTo(page, '#/messengers', 'Messengers');
/** Puts a bridge in the place of the one that is shown, and shows it. */
const show = async ({ page, gateway }: Visit, bridge: Parameters<Visit['gateway']['messengers']['setBridge']>[0]) => {
  gateway.messengers.setBridge(bridge);
  await goTo(page, '#/health', 'Health');
  await openMessengers(page);
};

/** What a browser's screen shows of an element. */
async function pictureOf(guest: Visit, name: string): Promise<Picture> {
  const png = await guest.page.getByRole('img', { name }).screenshot();
  // The app's own page loads nothing, not even this.
  const blank = await guest.context.newPage();
  const picture = await blank.evaluate<Picture>(`(async () => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,${png.toString('base64')}')).blob());
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    canvas.getContext('2d').drawImage(image, 0, 0);
    return { width: image.width, height: image.height, pixels: [...canvas.getContext('2d').getImageData(0, 0, image.width, image.height).data] };
  })()`);
  await blank.close();
  return picture;
}

suite('messengers in a real browser', { skip: browserMissing }, () => {
  const { signedIn } = setStage();

  describe('a bridge', () => {
    it('that is off says so, how to set one up, and that nothing leaves', async (test) => {
      const { page } = await signedIn(test);
      await page.getByRole('list', { name: 'Pages' }).getByRole('link', { name: 'Messengers' }).click();
      await page.getByText('Nothing leaves this machine through one.').waitFor();
      await page.getByText('To set it up').waitFor();
      await page.getByText('Nothing, as long as the bridge is off.').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Try again now' }).count(), 0);
    });
    it('that works says whom it answers, what leaves, and where to', async (test) => {
      const guest = await signedIn(test);
      const { page } = guest;
      await show(guest, connectedBridge(Date.now()));
      await page.getByText('People you listed are answered.').waitFor();
      const leaves = page.getByRole('region', { name: 'What leaves this machine' });
      await leaves.getByText('ws://127.0.0.1:18789/').waitFor();
      assert.deepEqual(await leaves.getByRole('list', { name: 'Messengers' }).getByRole('listitem').allTextContents(), ['Telegram, and the chats of 2 people whom you listed']);
      const rules = page.getByRole('region', { name: /^Who is answered/ });
      await rules.getByText('or there by one admin with a one-time code. At most medium risk is asked about').waitFor();
      await rules.getByText('Off: nobody there is answered, nor told so.').waitFor();
      await rules.getByText('Nobody is answered: nobody is listed.').waitFor();
      await show(guest, { ...connectedBridge(Date.now()), platforms: [] });
      await page.getByText('nobody is answered yet').waitFor();
      await page.getByLabel('Example of rules').waitFor();
    });
    it('that is refused says why and what to do, whatever the reason', async (test) => {
      const guest = await signedIn(test);
      for (const [reason, message, mend] of [
        ['auth_token_mismatch', 'OpenClaw does not accept the token.', 'Set OPENCLAW_AUTH_TOKEN to the current token.'],
        ['scopes_too_many', 'OpenClaw granted rights that the bridge did not ask for: operator.admin.', 'Remove the device in OpenClaw.'],
        ['scopes_too_few', 'OpenClaw did not grant what the bridge needs: operator.write.', 'Remove the device in OpenClaw.'],
        ['protocol_mismatch', 'OpenClaw speaks protocol 5, the bridge 4.', 'Install an OpenClaw that speaks protocol 4.'],
        ['device_auth_device_id_mismatch', 'OpenClaw knows this device under another key.', 'Empty the bridge’s state folder.'],
      ] as const) {
        await show(guest, { ...refusedBridge(Date.now()), reason, message, mend });
        const panel = guest.page.getByRole('region', { name: 'OpenClaw refused' });
        for (const text of [reason, message, `What to do: ${mend}`, 'mend this first, then try again']) await panel.getByText(text).waitFor();
      }
    });
    it('shows what it found, whatever that is called, and what did not arrive; another attempt is one button', async (test) => {
      const guest = await signedIn(test);
      const { page } = guest;
      const bridge = refusedBridge(Date.now());
      await show(guest, { ...bridge, findings: [...bridge.findings, { code: 'of_tomorrow', level: 'warning', message: 'Something else is open.', mend: 'Close it.' }] });
      const found = page.getByRole('list', { name: 'Findings' });
      await found.getByText('Alarm: OpenClaw’s own agent ran a command.').waitFor();
      await found.getByText('Warning: Something else is open.').waitFor();
      await found.getByText('What to do: Close it.').waitFor();
      await page.getByText('123\\u{202E}456').waitFor();
      await page.getByText('Given up after 9 attempts.').waitFor();
      await page.getByRole('button', { name: 'Try again now' }).click();
      await page.getByText('People you listed are answered.').waitFor();
      await page.getByText('None: every answer arrived').waitFor();
    });
    it('that waits counts down, says what for, and does not tell anybody to mend anything', async (test) => {
      const guest = await signedIn(test);
      await show(guest, { ...refusedBridge(Date.now()), state: 'waiting', reason: 'unreachable', message: 'Nothing answers at OPENCLAW_URL.', mend: 'The bridge waits for OpenClaw to answer there.', findings: [], nextTryAt: Date.now() + 50_000 });
      await guest.page.getByText('Nothing answers at OPENCLAW_URL.').waitFor();
      await guest.page.getByText('The bridge waits for OpenClaw to answer there.').waitFor();
      const shown = await guest.page.getByText('It is tried again by itself, in').textContent();
      assert.match(shown ?? '', /in \d+ s\./);
      await guest.page.getByText(shown ?? '').waitFor({ state: 'detached' });
      assert.equal(await guest.page.getByText('What to do:').count(), 0);
    });
    it('leads from an answer that did not arrive to what it belongs to', async (test) => {
      const guest = await signedIn(test);
      const { page, gateway } = guest;
      const turn = gateway.world.hear('ann', 'telegram: Ann', 'bridge:telegram:default:1001', 'Are you there?', 'Yes.');
      const approval = gateway.world.ask({ command: 'date', risk: 'low', reasons: [] });
      const [answer] = refusedBridge(Date.now()).undelivered;
      assert.ok(answer);
      await show(guest, { ...connectedBridge(Date.now()), undelivered: [{ ...answer, id: `turn-${turn.id}` }, { ...answer, id: `approval-${approval.id}` }, { ...answer, id: `turn-gone` }] });
      assert.equal(await page.getByRole('link', { name: 'Open the approval' }).getAttribute('href'), `#/approvals/${approval.id}`);
      const conversations = page.getByRole('button', { name: /^Open the conversation of/ });
      await conversations.nth(1).click();
      await page.getByRole('alert').getByText('There is no such thing.').waitFor();
      await conversations.nth(0).click();
      await page.getByRole('heading', { name: 'telegram: Ann', level: 1 }).waitFor();
    });
    it('that is refused again says so as soon as it is known', async (test) => {
      const guest = await signedIn(test);
      guest.gateway.messengers.setRefusesAgain(true);
      await show(guest, refusedBridge(Date.now()));
      await guest.page.getByRole('button', { name: 'Try again now' }).click();
      await guest.page.getByText('OpenClaw is being asked.').waitFor();
      await guest.page.getByText('It was tried again. What stands above is how that ended.').waitFor();
      await guest.page.getByText('OpenClaw does not take the token.').waitFor();
    });
    it('that another process runs, or that cannot be asked, says so and leaves the rest of the page as it is', async (test) => {
      const guest = await signedIn(test);
      const { page, gateway } = guest;
      await show(guest, { name: 'openclaw', state: 'standby', counters: {}, findings: [], undelivered: [] });
      await page.getByText('Another process of this MegaBot runs the bridge').waitFor();
      await page.getByText('Nobody is let in without them.').waitFor();
      await page.getByRole('button', { name: 'Try again now' }).click();
      await page.getByRole('alert').getByText('The bridge is run by another process of this MegaBot. Repeat this in a few seconds.').waitFor();
      gateway.messengers.setAway(true);
      gateway.messengers.setAdmins([admin]);
      await page.reload();
      await page.getByRole('alert').getByText('The bridges cannot be asked. Try again in a moment.').waitFor();
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).waitFor();
    });
    it('is named on the page of health, where it is on', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setBridge(refusedBridge(Date.now()));
      await goTo(page, '#/health', 'Health');
      await page.getByRole('link', { name: 'refused' }).click();
      await page.getByRole('heading', { name: 'Messengers', level: 1 }).waitFor();
    });
  });

  describe('one-time codes', () => {
    it('are scanned from the screen or typed, count after a first code, and each code once', async (test) => {
      const guest = await signedIn(test, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
      const { page, gateway, errors } = guest;
      gateway.messengers.setAdmins([admin]);
      await openMessengers(page);
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      const scanned = new URL(readQr(await pictureOf(guest, 'QR code of the secret')));
      assert.deepEqual([scanned.protocol, scanned.host, decodeURIComponent(scanned.pathname), scanned.searchParams.get('secret')], ['otpauth:', 'totp', '/MegaBot:telegram:123456789', fakeSecret]);
      const typed = (await page.locator('.typed-secret').textContent()) ?? '';
      assert.equal(typed.replaceAll(' ', ''), fakeSecret);
      const field = page.getByLabel('The six digits that the app shows');
      await field.fill('12345');
      assert.equal(await page.getByRole('button', { name: 'Put into use' }).getAttribute('aria-disabled'), 'true');
      await field.fill('000000');
      await page.keyboard.press('Enter');
      await page.getByText('The code is not right, or was used before. Take the one that your app shows now.').waitFor();
      await field.fill(`${fakeFirstCode.slice(0, 3)} ${fakeFirstCode.slice(3)}`);
      await page.keyboard.press('Enter');
      await page.getByText('telegram 123456789 can decide with codes from now on.').waitFor();
      assert.equal(await page.evaluate('document.activeElement?.textContent'), 'telegram 123456789 can decide with codes from now on.');
      await page.getByText('In use since').waitFor();
      assert.equal(await page.getByText(typed).count(), 0);
      await page.getByRole('button', { name: 'Remove codes of telegram 123456789' }).click();
      await page.getByRole('button', { name: 'Remove for good' }).click();
      await page.getByText('telegram 123456789 has no codes any more').waitFor();
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await field.fill(fakeFirstCode);
      await page.keyboard.press('Enter');
      await page.getByText('or was used before').waitFor();
      await field.fill(fakeSecondCode);
      await page.keyboard.press('Enter');
      await page.getByText('In use since').waitFor();
      assert.deepEqual([elsewhere(guest), errors], [[], []]);
    });
    it('show their secret this once, and keep it nowhere', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setAdmins([admin]);
      await openMessengers(page);
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
      const kept = await page.evaluate<string>('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])');
      assert.ok(!kept.includes(fakeSecret), kept);
      await page.reload();
      await page.getByRole('button', { name: 'Confirm codes of telegram 123456789' }).click();
      await page.getByText('shown once and is not shown again').waitFor();
      assert.equal(await page.getByRole('img', { name: 'QR code of the secret' }).count(), 0);
    });
    it('whose ten minutes are over say to start again', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setAdmins([admin]);
      gateway.messengers.setSecretLasts(1_500);
      await openMessengers(page);
      await page.getByRole('button', { name: 'Set up codes for telegram 123456789' }).click();
      await page.getByText('this secret does not count').waitFor();
      assert.equal(await page.getByRole('img', { name: 'QR code of the secret' }).count(), 0);
      assert.equal(await page.getByRole('button', { name: 'Put into use' }).count(), 0);
    });
    it('of somebody who is no admin any more are told of, and can be removed', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.messengers.setEnrolled([codes(true)]);
      await openMessengers(page);
      await page.getByText('No longer an admin: these codes decide nothing.').waitFor();
      await page.getByRole('button', { name: 'Remove codes of telegram 123456789' }).click();
      await page.getByRole('button', { name: 'Remove for good' }).click();
      await page.getByText('No admin of a messenger is listed.').waitFor();
    });
  });

  describe('what came from a messenger', () => {
    const ann = 'bridge:telegram:default:1001';
    it('is an approval that says who asked, where and with which words, and is decided by itself', async (test) => {
      const { page, gateway } = await signedIn(test);
      const turn = gateway.world.hear('ann', 'telegram: Ann', ann, 'Please \u202Eclean\u202C up <b>all</b>');
      const asked = gateway.world.ask({ command: 'ls build', risk: 'low', reasons: [], conversation: 'ann', turnId: turn.id, more: { requestedBy: ann } });
      for (const command of ['date', 'uptime']) gateway.world.ask({ command, risk: 'low', reasons: [] });
      await goTo(page, '#/approvals', 'Approvals');
      const card = page.getByRole('article', { name: `Approval ${asked.shortId}` });
      await card.getByText('Asked for on Telegram by 1001, in telegram: Ann.').waitFor();
      assert.equal(await card.getByLabel('What was written there').textContent(), 'Please \\u{202E}clean\\u{202C} up <b>all</b>');
      const together = page.getByRole('region', { name: /^Low risk, decided together/ });
      assert.deepEqual((await together.getByLabel('Exact command').allTextContents()).toSorted(), ['date', 'uptime']);
      gateway.world.decide(asked, 'approve', ann);
      await card.getByText('Approved by 1001 on Telegram').waitFor();
      await card.getByRole('link', { name: 'telegram: Ann' }).click();
      await page.getByRole('heading', { name: 'telegram: Ann', level: 1 }).waitFor();
    });
    it('is a conversation in which nobody else’s words stand as the owner’s', async (test) => {
      const { page, gateway } = await signedIn(test);
      gateway.world.hear('ann', 'telegram: Ann', ann, 'Hello there', 'Hello, Ann.');
      await page.getByRole('list', { name: 'Conversations' }).getByRole('link', { name: 'telegram: Ann' }).click();
      await page.getByText('A chat on Telegram. What was written there is quoted. What you write here stays here').waitFor();
      await page.getByRole('log').getByLabel('Written on Telegram by 1001').getByText('Hello there').waitFor();
      assert.equal(await page.getByRole('log').getByText('You', { exact: true }).count(), 0);
      await page.getByRole('textbox', { name: 'Message' }).fill('and mine, stream');
      await page.keyboard.press('Enter');
      await page.getByRole('log').getByText('You', { exact: true }).waitFor();
    });
    it('is told apart from the owner’s own in the list and above it, whatever its title is changed to', async (test) => {
      const { page, gateway } = await signedIn(test, { seeded: true });
      gateway.world.hear('ann', 'telegram: Ann', ann, 'Hello there', 'Hello, Ann.');
      const list = page.getByRole('list', { name: 'Conversations' });
      await list.getByRole('link', { name: 'telegram: Ann Chat on Telegram', exact: true }).click();
      const header = page.locator('header.bar');
      await header.getByTitle('Chat 1001 on Telegram', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Rename conversation' }).click();
      await page.getByLabel('Title of the conversation').fill('Taxes');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Taxes', level: 1 }).waitFor();
      assert.equal((await header.locator('.messenger-mark').textContent()), 'Chat on Telegram');
      await page.reload();
      await list.getByRole('link', { name: 'Taxes Chat on Telegram', exact: true }).waitFor();
      assert.equal(await list.getByText('Chat on').count(), 1);
      await goTo(page, '#/c/default', 'Server upkeep');
      assert.equal(await header.locator('.messenger-mark').count(), 0);
    });
    it('is harmless, whatever it holds: direction marks, markup, ten thousand characters', async (test) => {
      const guest = await signedIn(test, { viewport: { width: 390, height: 844 } });
      const { page, gateway, errors } = guest;
      const nasty = `\u202Eevil\u2066 <img src=x onerror="document.title='owned'"> ${'W'.repeat(10_000)}`;
      gateway.world.hear('nasty', nasty.slice(0, 200), 'bridge:telegram:default:10\u202E01', nasty, nasty);
      gateway.world.hear('odd', nasty.slice(0, 200), `bridge:${nasty.replaceAll(':', '').slice(0, 64)}:${nasty.replaceAll(':', '').slice(0, 128)}:${nasty.slice(0, 256)}`, nasty, nasty);
      const asked = gateway.world.ask({ command: 'date', risk: 'low', reasons: [], conversation: 'nasty', more: { requestedBy: `bridge:odd\u202Ename:default:${'W'.repeat(200)}` } });
      await show(guest, {
        ...refusedBridge(Date.now()), address: nasty, message: nasty, mend: nasty, reason: nasty, findings: [{ code: nasty, level: 'alarm', message: nasty, mend: nasty }],
        undelivered: [{ id: nasty, platform: nasty, chat: nasty, state: nasty, reason: nasty, attempts: 1, createdAt: 1, expiresAt: 2 }],
        platforms: [{ ...telegramRules, name: nasty, allowFrom: [nasty], admins: [nasty] }],
      });
      const looksWell = async (place: string) => {
        assert.ok((await sideways(page)) <= 0, place);
        assert.doesNotMatch((await page.locator('body').innerText()).replaceAll('\u200B', ''), /[\u202A-\u202E\u2066-\u2069]/, place);
        assert.equal(await page.locator('img').count(), 0, place);
      };
      await page.getByRole('list', { name: 'Findings' }).waitFor();
      await looksWell('messengers');
      await goTo(page, '#/approvals', 'Approvals');
      await page.getByRole('article', { name: `Approval ${asked.shortId}` }).getByText('Asked for on odd\\u{202E}name').waitFor();
      await looksWell('approvals');
      await page.evaluate(`location.hash = '#/c/nasty'`);
      const quote = page.getByRole('log').getByRole('button', { name: /^Show all 10,\d{3} characters/ });
      await quote.waitFor();
      await looksWell('chat');
      await quote.click();
      await looksWell('chat, all of it');
      await page.evaluate(`location.hash = '#/c/odd'`);
      const mark = page.locator('header.bar .messenger-mark');
      await mark.waitFor();
      assert.doesNotMatch(`${await mark.getAttribute('title')}${await mark.textContent()}`, /[\u202A-\u202E\u2066-\u2069]/);
      await looksWell('chat of a messenger with an odd name');
      await page.setViewportSize({ width: 1_000, height: 700 });
      await looksWell('the same, wide');
      assert.equal(await page.title(), '(1) MegaBot');
      assert.deepEqual([elsewhere(guest), errors], [[], []]);
    });
  });

  it('axe finds nothing wrong and nothing is cut off, in both themes, wide and at 360 px', async (test) => {
    const guest = await signedIn(test, { seeded: true });
    const { page, gateway } = guest;
    gateway.messengers.setAdmins([admin, { platform: 'discord', sender: 'a-very-long-name-without-any-place-to-break-it-apart' }]);
    await openMessengers(page);
    await page.getByText('To set it up').waitFor();
    const found = await faultsInEveryLook(page, 'messengers off');
    gateway.messengers.setEnrolled([codes(true)]);
    const { platforms } = connectedBridge(Date.now());
    await show(guest, { ...refusedBridge(Date.now()), platforms: platforms ?? [] });
    await page.getByRole('button', { name: 'Remove codes of telegram 123456789' }).click();
    await page.getByRole('button', { name: /^Set up codes for discord/ }).click();
    await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
    await page.getByText('Given up after').waitFor();
    found.push(...(await faultsInEveryLook(page, 'messengers refused, enrolling')));
    const turn = gateway.world.hear('ann', 'telegram: Ann', 'bridge:telegram:default:1001', 'long '.repeat(300));
    gateway.world.ask({ command: 'ls', risk: 'medium', reasons: ['No rule allows it.'], conversation: 'ann', turnId: turn.id, more: { requestedBy: 'bridge:telegram:default:1001' } });
    await goTo(page, '#/approvals', 'Approvals');
    await page.getByLabel('What was written there').waitFor();
    found.push(...(await faultsInEveryLook(page, 'approval from a messenger')));
    await goTo(page, '#/c/ann', 'telegram: Ann');
    await page.getByText('A chat on Telegram.').waitFor();
    found.push(...(await faultsInEveryLook(page, 'chat of a messenger')));
    assert.deepEqual(found, []);
  });
});
