import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBehindMessenger, type BehindMessenger } from './testing/behind-messenger.ts';

const configuration = `
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: ["1001", "1002"], admins: ["1001"], ratePerMinute: 30 }
`;

/** A whole MegaBot in one process behind a scripted OpenClaw: what people on a messenger get to see. */
suite('people behind a messenger', () => {
  let it: BehindMessenger;

  before(async () => {
    it = await startBehindMessenger(configuration);
  });
  after(async () => await it[Symbol.asyncDispose]());

  test('somebody who is listed is answered, in their own chat alone', async () => {
    it.openclaw.receive({ text: 'good day', from: '1001', name: 'Ann' });
    await it.hears('1001', /good day/);
    assert.deepEqual(it.heard('1002'), []);
  });

  test('two people share no conversation', async () => {
    it.openclaw.receive({ text: 'for the second', from: '1002', name: 'Bob' });
    await it.hears('1002', /for the second/);
    const { conversations } = await it.get('/api/v1/conversations') as { conversations: { title: string }[] };
    assert.deepEqual(conversations.map(({ title }) => title).filter((title) => title.startsWith('telegram')).toSorted(), ['telegram: Ann', 'telegram: Bob']);
  });

  test('a stranger is told once and not answered', async () => {
    for (let n = 0; n < 3; n++) it.openclaw.receive({ text: `secret ${n}`, from: '6666', name: 'Mallory' });
    await it.hears('6666', /private assistant/);
    it.openclaw.receive({ text: 'after', from: '1002', name: 'Bob' });
    await it.hears('1002', /after/);
    assert.equal(it.heard('6666').length, 1);
  });

  test('a proposal of theirs is announced with its command and how to decide, and nobody decides it without a code', async () => {
    it.openclaw.receive({ text: '!run ls -l', from: '1001', name: 'Ann' });
    const announced = await it.hears('1001', /^Approval \w+: run this command\?\n```\nls -l\n```\n/);
    const id = /^Approval (\w+)/.exec(announced)?.[1] ?? '';
    assert.match(announced, /!approve \w+ <code>/);
    it.openclaw.receive({ text: `!approve ${id}`, from: '1001', name: 'Ann' });
    it.openclaw.receive({ text: `!approve ${id} 123456`, from: '1002', name: 'Bob' });
    await it.hears('1002', /may not|not entitled|cannot/i);
    const { approvals } = await it.get('/api/v1/approvals?status=pending') as { approvals: { shortId: string }[] };
    assert.ok(approvals.some(({ shortId }) => shortId === id), 'it still waits');
  });

  test('rules and locks are not for them', async () => {
    for (const text of ['!allow ls', '!deny *', '!unlock']) it.openclaw.receive({ text, from: '1002', name: 'Bob' });
    it.openclaw.receive({ text: 'end of rules', from: '1002', name: 'Bob' });
    await it.hears('1002', /end of rules/);
    const policy = await it.get('/api/v1/policy');
    assert.deepEqual([policy['allow'], policy['deny'], policy['lockdown']], [[], [], false]);
  });

  test('what is answered while OpenClaw is away arrives when it is back, once', async () => {
    it.openclaw.receive({ text: 'over the gap', from: '1001', name: 'Ann' });
    it.openclaw.restart();
    await it.hears('1001', /over the gap/);
    await delay(300);
    assert.equal(it.heard('1001').filter((text) => text.includes('over the gap')).length, 1);
  });

  test('a MegaBot that was killed between taking and answering answers after its start', async () => {
    it.openclaw.receive({ text: 'across the restart', from: '1002', name: 'Bob' });
    await delay(20);
    await it.stop();
    it.openclaw.receive({ text: 'while you were away', from: '1002', name: 'Bob' });
    await it.start();
    await it.hears('1002', /across the restart/);
    await it.hears('1002', /while you were away/);
    const said = it.heard('1002').map((text) => text.trim());
    assert.equal(new Set(said).size, said.length, 'nothing was said twice');
  });
});
