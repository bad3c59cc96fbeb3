import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { generateSecret } from '@megabot/crypto/ed25519.ts';
import { createSecretBox } from './secret-box.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { chat, code, enrolled, refusedFor, sender, telegram } from './testing/messenger.ts';

const bot = { platform: 'telegram', sender: '1001', actor: owner } as const;
const wrongFor = (right: string): string => String((Number(right) + 1) % 1_000_000).padStart(6, '0');

describe('enrolling', () => {
  test('gives the secret once, keeps it unreadable, and counts only after a first code', async () => {
    await using it = await startInterlock({ settings: telegram });
    const { uri } = await it.call(it.gateway, interlock.totpEnroll, bot);
    assert.match(uri, /^otpauth:\/\/totp\/MegaBot:telegram%3A1001\?/);
    const secret = new URL(uri).searchParams.get('secret') ?? '';
    assert.equal(secret.length, 32);
    const status = await it.call(it.gateway, interlock.totpStatus, {});
    assert.deepEqual(status.enrolled.map(({ confirmed }) => confirmed), [false]);
    for (const table of ['one_time_codes', 'audit', 'audit_text', 'outbox']) {
      assert.doesNotMatch(JSON.stringify(await it.db.query(`SELECT * FROM interlock.${table}`)), new RegExp(secret), table);
    }
    const { approvalId } = await it.ask('npm test', { conversation: chat });
    await assert.rejects(it.decide(approvalId, 'approve', { actor: sender('1001'), code: '123456' }), refusedFor('not_enrolled'));
  });

  test('is for listed admins, and not over codes that are in use', async () => {
    await using it = await startInterlock({ settings: telegram });
    await assert.rejects(it.call(it.gateway, interlock.totpEnroll, { ...bot, sender: '1003' }), code('bad_request'));
    await assert.rejects(it.call(it.gateway, interlock.totpEnroll, { ...bot, platform: '__proto__' }), code('bad_request'));
    await enrolled(it, '1001');
    await assert.rejects(it.call(it.gateway, interlock.totpEnroll, bot), code('bad_request'));
    await it.call(it.gateway, interlock.totpRemove, bot);
    await assert.rejects(it.call(it.gateway, interlock.totpRemove, bot), code('not_found'));
    await enrolled(it, '1001');
  });

  test('waits ten minutes for the first code, and a wrong one is an attempt', async () => {
    await using it = await startInterlock({ settings: telegram });
    await it.call(it.gateway, interlock.totpEnroll, bot);
    await assert.rejects(it.call(it.gateway, interlock.totpConfirm, { ...bot, code: '000000' }), refusedFor('code_wrong'));
    assert.equal((await it.db.query('SELECT 1 FROM interlock.wrong_codes')).length, 1);
    assert.equal((await it.audit()).at(-1)?.event, 'codes_refused');
    it.advance(600_000);
    await assert.rejects(it.call(it.gateway, interlock.totpConfirm, { ...bot, code: '000000' }), code('not_found'));
  });
});

describe('a code', () => {
  test('is taken one step early or late, and not two', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    for (const [offset, taken] of [[-60_000, false], [60_000, false], [-30_000, true], [30_000, true]] as const) {
      const { approvalId } = await it.ask(`npm run x${offset}`, { conversation: chat });
      const decide = it.decide(approvalId, 'approve', { actor: sender('1001'), code: show(it.now() + offset) });
      if (taken) await decide;
      else await assert.rejects(decide, refusedFor('code_wrong'));
      it.advance(120_000);
    }
  });

  test('decides one of many approvals that it is sent for at the same moment', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const asked = await Promise.all([1, 2, 3, 4].map((index) => it.ask(`npm run x${index}`, { conversation: chat })));
    const results = await Promise.allSettled(asked.map(({ approvalId }) => it.decide(approvalId, 'approve', { actor: sender('1001'), code: show() })));
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  });

  test('is not found by guessing: five wrong ones in a quarter of an hour end it, then the right one waits as well', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const { approvalId } = await it.ask('npm test', { conversation: chat });
    const guess = async (given: string) => await it.decide(approvalId, 'approve', { actor: sender('1001'), code: given });
    for (let index = 0; index < 5; index++) await assert.rejects(guess(wrongFor(show())), refusedFor('code_wrong'));
    await assert.rejects(guess(show()), refusedFor('locked'));
    assert.equal((await it.audit()).filter((entry) => entry.subject.why === 'code_wrong').length, 5);
    await it.restart();
    await assert.rejects(guess(show()), refusedFor('locked'));
    // Somebody else's codes are not locked by that.
    const other = await enrolled(it, '1002');
    await it.decide((await it.ask('npm run y', { conversation: chat })).approvalId, 'approve', { actor: sender('1002'), code: other() });
    it.advance(900_000);
    const again = await it.ask('npm run z', { conversation: chat });
    await it.decide(again.approvalId, 'approve', { actor: sender('1001'), code: show() });
  });

  test('is not found by patience: twenty wrong ones in a day end it for that day', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const ask = async (): Promise<string> => (await it.ask(`npm run x${it.now()}`, { conversation: chat })).approvalId;
    const guess = async (approvalId: string, given: string) => await it.decide(approvalId, 'approve', { actor: sender('1001'), code: given });
    for (let round = 0; round < 5; round++) {
      const approvalId = await ask();
      for (let index = 0; index < 4; index++) await assert.rejects(guess(approvalId, wrongFor(show())), refusedFor('code_wrong'));
      it.advance(900_000);
    }
    await it.restart();
    await assert.rejects(guess(await ask(), show()), refusedFor('locked'));
    it.advance(86_400_000);
    await guess(await ask(), show());
  });

  test('of another clock counts no code twice: when the clock goes back, what was used stays used', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const used = show();
    await it.decide((await it.ask('npm run x', { conversation: chat })).approvalId, 'approve', { actor: sender('1001'), code: used });
    it.advance(-60_000);
    const { approvalId } = await it.ask('npm run y', { conversation: chat });
    for (const given of [used, show(), show(it.now() - 30_000), show(it.now() + 30_000)]) await assert.rejects(it.decide(approvalId, 'approve', { actor: sender('1001'), code: given }), /./);
  });

  test('is six plain digits: no other spelling of them is taken, and none counts as an attempt', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const { approvalId } = await it.ask('npm test', { conversation: chat });
    const digits = show();
    const wide = digits.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
    for (const given of [wide, ` ${digits}`, `${digits}\n`, `+${digits}`, `${digits}.0`, `0${digits}`, digits.slice(1), '1e5', '']) await assert.rejects(it.decide(approvalId, 'approve', { actor: sender('1001'), code: given }), code('bad_request'), JSON.stringify(given));
    assert.equal((await it.db.query('SELECT 1 FROM interlock.wrong_codes')).length, 0);
    await it.decide(approvalId, 'approve', { actor: sender('1001'), code: digits });
  });

  test('is not found by guessing in the name of many either', async () => {
    const many = Array.from({ length: 6 }, (_, index) => `u${index}`);
    const list = JSON.stringify(many);
    await using it = await startInterlock({ settings: `bridges: {openclaw: {platforms: {telegram: {allowFrom: ${list}, admins: ${list}, maxRisk: medium}}}}\n` });
    const shown = [];
    for (const id of many) shown.push(await enrolled(it, id));
    const { approvalId } = await it.ask('npm test', { conversation: chat });
    let wrong = 0;
    for (const [index, id] of many.slice(0, 5).entries()) {
      for (let round = 0; round < 4; round++, wrong++) await assert.rejects(it.decide(approvalId, 'approve', { actor: sender(id), code: wrongFor(shown[index]!()) }), refusedFor('code_wrong'));
    }
    assert.equal(wrong, 20);
    await assert.rejects(it.decide(approvalId, 'approve', { actor: sender('u5'), code: shown[5]!() }), refusedFor('locked'));
    // The owner never needs one.
    await it.decide(approvalId, 'approve');
  });

  test('of somebody who is no longer listed is worth nothing', async () => {
    await using it = await startInterlock({ settings: telegram });
    const show = await enrolled(it, '1001');
    const { approvalId } = await it.ask('npm test', { conversation: chat });
    await it.writeFile((await it.readFile()).replace('admins: ["1001", "1002"]', 'admins: ["1002"]'));
    await assert.rejects(it.decide(approvalId, 'approve', { actor: sender('1001'), code: show() }), refusedFor('not_an_admin'));
  });
});

test('a sealed secret opens with its key, for its name, unchanged, and not otherwise', () => {
  const seed = generateSecret();
  const box = createSecretBox(seed, 'purpose');
  const sealed = box.seal('JBSWY3DPEHPK3PXP', 'telegram:1001');
  assert.equal(box.open(sealed, 'telegram:1001'), 'JBSWY3DPEHPK3PXP');
  assert.notEqual(box.seal('JBSWY3DPEHPK3PXP', 'telegram:1001'), sealed);
  assert.equal(box.open(sealed, 'telegram:1002'), null);
  assert.equal(createSecretBox(seed, 'another').open(sealed, 'telegram:1001'), null);
  assert.equal(createSecretBox(generateSecret(), 'purpose').open(sealed, 'telegram:1001'), null);
  const bytes = Buffer.from(sealed, 'base64url');
  for (const at of [0, 12, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    assert.equal(box.open(changed.toString('base64url'), 'telegram:1001'), null, String(at));
  }
  assert.equal(box.open('', 'telegram:1001'), null);
});
