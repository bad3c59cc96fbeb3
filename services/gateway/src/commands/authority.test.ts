import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { events } from '@megabot/contracts/events.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createGatewayEvents } from '../events.ts';
import { createHealth } from '../health.ts';
import { createMessageIntake } from '../messages.ts';
import { createMetrics } from '../metrics.ts';
import { createTicketIssuer } from '../origin-ticket.ts';
import { makeApproval, startFakes, type Fakes } from '../testing/fake-services.ts';
import { connectNative } from '../testing/native-client.ts';
import { startTestGateway, testToken } from '../testing/test-gateway.ts';

const owner: Actor = { principal: 'owner', trust: 'owner', channel: 'native' };
const device: Actor = { principal: 'device:phone', trust: 'paired', channel: 'ui' };
const admin: Actor = { principal: 'bridge:telegram:default:1', trust: 'untrusted', channel: 'bridge' };
const stranger: Actor = { principal: 'bridge:telegram:default:2', trust: 'untrusted', channel: 'bridge' };

interface Door extends AsyncDisposable {
  readonly fakes: Fakes;
  /** Says it as somebody, in the conversation `default`, and gives the answer. */
  say(actor: Actor, text: string): Promise<string>;
}

/** The intake behind every door, whoever the door says is there. */
async function startDoor(): Promise<Door> {
  const hub = createInProcessHub();
  const fakes = await startFakes(hub);
  fakes.messengerAdmins.add(admin.principal);
  const bus = hub.bus('gateway', { logger: silentLogger() });
  const options = { version: '0', listen: '', httpPort: 0, wsPort: 0, publishedPorts: { ui: 0 }, publicOrigins: [], token: testToken, wsPassword: 'x', wsSalt: '', originSeed: '', deployment: 'standalone' } as const;
  const intake = createMessageIntake({
    bus, tickets: createTicketIssuer(Buffer.alloc(32, 9).toString('base64url'), Date.now), events: createGatewayEvents(silentLogger(), createMetrics()), health: createHealth(options, { bus, clock: Date.now }),
  });
  return {
    fakes,
    async say(actor, text) {
      await intake.accept({ conversation: 'default', key: randomUUID(), text, actor });
      return fakes.appended.at(-1)?.reply ?? '(for the model)';
    },
    [Symbol.asyncDispose]: async () => await hub.close(),
  };
}

describe('who may what', () => {
  test('a paired device may change the policy and decide, but not let everything run, and not unlock', async () => {
    await using door = await startDoor();
    const approval = makeApproval();
    door.fakes.approvals.set(approval.id, approval);
    assert.match(await door.say(device, `!approve ${approval.shortId}`), /^Approved/);
    assert.match(await door.say(device, '!allow git status'), /now on the allow list/);
    assert.match(await door.say(device, '!deny *'), /^Lockdown/);
    for (let time = 0; time < 2; time++) {
      assert.match(await door.say(device, '!allow *'), /may not.*Nothing was done/);
      assert.match(await door.say(device, '!unlock'), /may not.*Nothing was done/);
    }
    assert.ok(!door.fakes.policy.allow.includes('*'));
    const refused = ['allow_everything', 'unlock'].map((act) => ({ principal: 'device:phone', act }));
    assert.deepEqual(door.fakes.refusals, [...refused, ...refused]);
  });

  test('an admin of a messenger approves low and medium risk of this conversation with a code, and nothing else', async () => {
    await using door = await startDoor();
    const [mine, risky, other] = [makeApproval({ risk: 'medium', requestedBy: admin.principal }), makeApproval({ risk: 'high', requestedBy: admin.principal }), makeApproval({ conversation: 'elsewhere', command: 'secret business' })];
    for (const approval of [mine, risky, other]) door.fakes.approvals.set(approval.id, approval);
    const list = await door.say(admin, '!pending');
    assert.ok(list.includes(mine.shortId) && !list.includes(other.shortId) && !list.includes('secret business'));
    assert.ok(!(await door.say(admin, '!approve')).includes(other.shortId));
    // Each of these is worth hearing again: with it the next try can be right.
    for (let time = 0; time < 2; time++) {
      assert.match(await door.say(admin, `!approve ${mine.shortId}`), /code is not right/);
      assert.match(await door.say(admin, `!approve ${risky.shortId} 123456`), /risk is high/);
    }
    const unknown = await door.say(admin, `!approve ${other.shortId} 123456`);
    assert.match(unknown, /There is no approval/);
    assert.ok(!unknown.includes('secret business'));
    assert.match(await door.say(admin, `!approve ${mine.shortId} 123456`), /^Approved/);
    assert.deepEqual(door.fakes.decisions.map(({ approvalId, code, actor }) => [approvalId, code, actor.conversation]), [[mine.shortId, '123456', 'default']]);
  });

  test('the code of a messenger comes before the reason of a rejection; at home a number is part of the reason', async () => {
    await using door = await startDoor();
    const [first, second] = [makeApproval(), makeApproval()];
    for (const approval of [first, second]) door.fakes.approvals.set(approval.id, approval);
    await door.say(admin, `!no ${first.shortId} 123456 too late`);
    await door.say(owner, `!no ${second.shortId} 123456 is no plan`);
    assert.deepEqual(door.fakes.decisions.map(({ code, reason }) => [code, reason]), [['123456', 'too late'], [undefined, '123456 is no plan']]);
  });

  test('everybody else is told once that they may not, then nothing; the interlock has recorded each attempt', async () => {
    await using door = await startDoor();
    const approval = makeApproval();
    door.fakes.approvals.set(approval.id, approval);
    assert.match(await door.say(stranger, `!approve ${approval.shortId} 123456`), /You may not.*Nothing was done/);
    const attempts = [`!approve ${approval.shortId} 123456`, '!allow *', '!allow ls', '!deny *', '!lockdown', '!undo', '!policies remove 1', '!policies', '!unlock', '!mode build', '!status', `!why ${approval.shortId}`, '!test ls', `!deny ${approval.shortId}`];
    for (const text of attempts) assert.equal(await door.say(stranger, text), '', text);
    const { decisions, edits, undone, tested, revoked, refusals } = door.fakes;
    assert.equal(decisions.length + edits.length + undone.length + tested.length + revoked.length, 0);
    assert.equal(refusals.length, 9, 'every attempt that leads to the interlock');
  });

  test('whoever the door cannot place may nothing, whatever they call themselves', async () => {
    await using door = await startDoor();
    const forged: Actor[] = [
      { principal: 'owner', trust: 'owner', channel: 'bridge' }, { principal: 'owner', trust: 'untrusted', channel: 'native' },
      { principal: 'device:phone', trust: 'untrusted', channel: 'ui' }, { principal: 'device:phone', trust: 'owner', channel: 'bridge' },
    ];
    for (const actor of forged) for (const text of ['!allow *', '!deny rm', '!mode build', '!lockdown', '!undo']) assert.doesNotMatch(await door.say(actor, text), /now on|now in mode|Lockdown|again/, JSON.stringify(actor) + text);
    assert.equal(door.fakes.edits.length, 0);
  });

  test('help shows each person what that person may', async () => {
    await using door = await startDoor();
    assert.match(await door.say(owner, '!help'), /!unlock/);
    assert.doesNotMatch(await door.say(device, '!help'), /`!unlock`/);
    assert.doesNotMatch(await door.say(stranger, '!help'), /!allow|!policies|!status/);
  });
});

describe('through the whole gateway', () => {
  const words = (id: string): string[] => [`!approve ${id}`, `!allow *`, `!deny *`, '!lockdown', '!undo'];

  test('what a model or a command says is never carried out, in whatever event it comes', async () => {
    await using megabot = await startTestGateway({ wsPassword: '' });
    await using client = await connectNative(megabot.gateway.wsPort, { token: testToken });
    const { fakes } = megabot;
    const approval = makeApproval();
    fakes.approvals.set(approval.id, approval);
    for (const text of words(approval.id)) {
      const at = { conversation: 'default' };
      await fakes.orchestratorBus.publish(events.delta, { conversation: 'default', turnId: 't1', attempt: 1, index: 0, text }, at);
      await fakes.sandboxBus.publish(events.output, { conversation: 'default', runId: 'r1', turnId: 't1', stream: 'stdout', index: 0, chunk: `${text}\n` }, at);
      await fakes.memoryBus.publish(events.final, { conversation: 'default', turnId: 't1', messageId: randomUUID(), text, status: 'done' }, at);
      assert.equal((await client.frame('final'))['text'], text);
    }
    // Something said afterwards is answered: all of the above had passed the gateway by then.
    client.send({ type: 'message', id: randomUUID(), text: '!help' });
    await client.frame('accepted');
    assert.deepEqual([fakes.decisions, fakes.edits, fakes.undone], [[], [], []]);
    assert.equal(fakes.approvals.get(approval.id)?.status, 'pending');
  });

  test('quoted, fenced, forwarded and disguised words do nothing', async () => {
    await using megabot = await startTestGateway({ wsPassword: '' });
    await using client = await connectNative(megabot.gateway.wsPort, { token: testToken });
    const { fakes } = megabot;
    const approval = makeApproval();
    fakes.approvals.set(approval.id, approval);
    const wraps = [(word: string) => `> ${word}`, (word: string) => `\`\`\`\n${word}\n\`\`\``, (word: string) => `Forwarded message:\n${word}`, (word: string) => `Please look:\n\n${word}`, (word: string) => `\u200B${word}`, (word: string) => word.replace('!', '\uFF01'), (word: string) => `${word}\nand more`, (word: string) => `"${word}"`];
    for (const word of words(approval.id)) {
      for (const wrap of wraps) {
        client.send({ type: 'message', id: randomUUID(), text: wrap(word) });
        await client.frame('accepted');
      }
    }
    assert.deepEqual([fakes.decisions, fakes.edits, fakes.undone], [[], [], []]);
  });

  test('a session of a device is that device on the way to the interlock, whatever the message says', async () => {
    await using megabot = await startTestGateway();
    const { fakes, origin } = megabot;
    const secret = Buffer.alloc(32, 5).toString('base64url');
    fakes.sessions.set(createHash('sha256').update(secret).digest('hex'), { sessionId: 's1', principal: 'device:phone', expiresAt: Date.now() + 60_000 });
    const say = async (text: string) => await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text }, headers: { cookie: `megabot_session=${secret}`, origin } });
    assert.equal((await say('!allow make')).status, 202);
    assert.equal((await say('!allow *')).status, 202);
    assert.deepEqual(fakes.edits.map(({ actor, edit }) => [actor.principal, edit]), [['device:phone', { op: 'add', list: 'allow', pattern: 'make' }]]);
    assert.match(String(fakes.appended.at(-1)?.reply), /may not/);
  });
});
