import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBehindMessenger, type BehindMessenger } from './testing/behind-messenger.ts';
import type { Json } from './testing/whole.ts';

const configuration = `
policies:
  allow: ["bridge:telegram/1003"]
sandbox:
  wall_seconds: 2
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: ["1001", "1002", "1003"], admins: ["1001"], maxRisk: medium, ratePerMinute: 60 }
`;

/** The owner's assistant writes to people behind a messenger. The scripted model sends where \`SEND:<platform>/<chat>=<text>\` is said. */
suite('a message of the assistant to somebody on a messenger', () => {
  let it: BehindMessenger;

  before(async () => {
    it = await startBehindMessenger(configuration);
    for (const from of ['1001', '1002', '1003']) {
      it.openclaw.receive({ text: `hello from ${from}`, from, name: `P${from}` });
      await it.hears(from, /hello from/);
    }
  });
  after(async () => await it[Symbol.asyncDispose]());

  /** The owner says something in the web UI. */
  const say = async (text: string): Promise<string> => {
    const { json, status } = await it.call('POST', '/api/v1/conversations/default/messages', { text });
    assert.equal(status, 202, JSON.stringify(json));
    return String(json['turnId']);
  };
  const pending = async (): Promise<Json[]> => (await it.get('/api/v1/approvals?status=pending'))['approvals'] as Json[];
  const undelivered = async (): Promise<Json[]> => ((await it.get('/api/v1/bridges'))['bridges'] as { undelivered: Json[] }[])[0]?.undelivered ?? [];
  const asked = async (text: string): Promise<Json> => {
    await say(text);
    await it.until('the approval', async () => (await pending()).length === 1);
    return (await pending())[0] ?? {};
  };
  const approve = async (approval: Json): Promise<string> => {
    const { json, status } = await it.call('POST', `/api/v1/approvals/${String(approval['id'])}`, { decision: 'approve' });
    assert.equal(status, 200, JSON.stringify(json));
    return String(json['runId']);
  };
  const ended = async (runId: string): Promise<Json> => {
    let run: Json = {};
    await it.until('the run', async () => !['due', 'running'].includes(String((run = await it.get(`/api/v1/runs/${runId}`))['status'])));
    return run;
  };
  const answer = async (turnId: string): Promise<string> => {
    await it.until('the answer', async () => ['done', 'failed'].includes(String((await it.get(`/api/v1/turns/${turnId}`))['status'])));
    const { messages } = (await it.get('/api/v1/conversations/default/messages')) as { messages: { turnId: string; role: string; text: string }[] };
    return messages.find((message) => message.turnId === turnId && message.role === 'assistant')?.text ?? '';
  };
  const connected = async (is: boolean): Promise<void> => {
    it.openclaw.script.upgradeStatus = is ? undefined : 503;
    if (is) await it.call('POST', '/api/v1/bridges/openclaw/retry', {});
    else it.openclaw.cut();
    await it.until(is ? 'the bridge' : 'the end of the bridge', async () => (((await it.get('/api/v1/bridges'))['bridges'] as { state: string }[])[0]?.state === 'connected') === is);
  };

  test('is shown with its chat, approved by the owner, and arrives there once, byte for byte', async () => {
    const text = 'Dinner is at *seven*, not \u201Eeight\u201C \u{1F35D}';
    const approval = await asked(`SEND:telegram/1002=${text}`);
    assert.equal(approval['command'], `To telegram, account default, person 1002 (the conversation "telegram: P1002"):\n${text}`);
    assert.deepEqual([approval['kind'], approval['risk']], ['bridge_send', 'high']);
    assert.match(String(approval['warnings']), /leaves this machine through OpenClaw: telegram/);
    assert.ok(!it.heard('1002').includes(text));
    const run = await ended(await approve(approval));
    assert.deepEqual([run['status'], run['exitCode'], run['driver'], run['output']], ['exited', 0, 'gateway', 'sent to telegram/1002\n']);
    assert.deepEqual(it.openclaw.sent.filter((sent) => sent.text === text).map(({ to, channel, account }) => [to, channel, account]), [['1002', 'telegram', 'default']]);
    assert.ok(!it.heard('1001').concat(it.heard('1003')).includes(text));
    assert.deepEqual(await undelivered(), []);
    assert.equal((await it.call('POST', '/api/v1/audit/verify')).json['ok'], true);
  });

  test('that a rule of the owner covers goes without asking, to that chat alone', async () => {
    assert.match(await answer(await say('SEND:telegram/1003=by the rule')), /exit code 0/);
    assert.ok(it.heard('1003').includes('by the rule'));
    await it.call('POST', `/api/v1/approvals/${String((await asked('SEND:telegram/1002=not by the rule'))['id'])}`, { decision: 'reject' });
    assert.ok(!it.heard('1002').includes('not by the rule'));
  });

  test('is proposed by no guest, whoever it is for and whatever a rule allows', async () => {
    for (const to of ['telegram/1003', 'telegram/1002', 'telegram/1001', 'telegram/9999']) {
      const before = it.heard('1001').length;
      it.openclaw.receive({ text: `SEND:${to}=from a guest`, from: '1001', name: 'Ann' });
      await it.until('the refusal', () => it.heard('1001').slice(before).some((text) => /cannot have messages sent to anybody else/.test(text)));
    }
    assert.deepEqual(await pending(), []);
    assert.ok(it.openclaw.sent.every(({ text }) => text !== 'from a guest'));
  });

  test('reaches nobody who never wrote, and no messenger that is not set up', async () => {
    assert.match(await answer(await say('SEND:telegram/9999=hello')), /Denied by the policy; not done\. The bridge knows no chat 9999 on telegram/);
    assert.match(await answer(await say('SEND:signal/1001=hello')), /messenger signal is not set up/);
    assert.deepEqual([await pending(), it.heard('9999')], [[], []]);
  });

  test('waits while OpenClaw is away, is listed, and arrives once, also over a restart of MegaBot', async () => {
    await connected(false);
    const run = await ended(await approve(await asked('SEND:telegram/1002=over the gap')));
    assert.deepEqual([run['status'], run['exitCode']], ['exited', 75]);
    assert.deepEqual((await undelivered()).map(({ platform, chat, state }) => [platform, chat, state]), [['telegram', '1002', 'pending']]);
    await it.stop();
    it.openclaw.script.upgradeStatus = undefined;
    await it.start();
    await it.hears('1002', /^over the gap$/);
    await it.until('its end', async () => (await undelivered()).length === 0);
    await delay(200);
    assert.equal(it.heard('1002').filter((text) => text === 'over the gap').length, 1);
  });

  test('that waits when MegaBot is locked down does not go out, not even after it was lifted', async () => {
    await connected(false);
    await ended(await approve(await asked('SEND:telegram/1002=before the lockdown')));
    await say('!lockdown');
    await it.until('the lockdown', async () => (await it.get('/api/v1/policy'))['lockdown'] === true);
    await connected(true);
    await it.until('its end', async () => (await undelivered()).some(({ state, reason }) => state === 'failed' && /A lockdown stopped it\. Nothing was sent\./.test(String(reason))));
    assert.ok(!it.heard('1002').includes('before the lockdown'));
    assert.match(await answer(await say('SEND:telegram/1003=under lockdown')), /lockdown/);
    assert.ok(!it.heard('1003').includes('under lockdown'));
  });
});
