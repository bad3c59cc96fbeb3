import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { agentRow, channelRow, createScriptedSessions, mirrorRow, toolCallRow, toolResultRow } from '@megabot/testing/openclaw/scripted-sessions.ts';
import { sharedToken, startTestBridge, until, untilState, type TestBridge } from './testing/bridge.ts';

const texts = (bridge: TestBridge): string[] => bridge.taken.map(({ text }) => text);
const answerTo = (bridge: TestBridge, id: string, text: string, index = 0) => {
  const message = bridge.taken[index];
  assert.ok(message);
  return { id, to: message, sessionKey: message.sessionKey, text };
};

test('without an address the bridge is off and nothing is tried', async () => {
  await using bridge = await startTestBridge({ link: { url: '' } });
  await delay(50);
  assert.deepEqual([bridge.link.status().state, bridge.gateway.connections, 'address' in bridge.link.status()], ['off', 0, false]);
});

test('the shared token pairs once; afterwards the device token alone is used and the shared one is nowhere', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  await bridge.restart({ authToken: undefined });
  await untilState(bridge, 'connected');
  const used = bridge.gateway.requests.filter(({ method }) => method === 'connect').map(({ params }) => (params['auth'] as { token: string }).token);
  assert.equal(used[0], sharedToken);
  assert.ok(used.slice(1).every((token) => bridge.gateway.deviceTokens.has(token)) && used.length === 2);
  const folder = join(bridge.stateDir, 'openclaw');
  for (const name of await readdir(folder)) assert.ok(!(await readFile(join(folder, name), 'utf8')).includes(sharedToken), name);
});

test('a device that was removed at the gateway is refused, and the shared token in the environment does not bring it back', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.revoke();
  await bridge.restart();
  const status = await untilState(bridge, 'refused');
  assert.match(status.mend ?? '', /OPENCLAW_AUTH_TOKEN/);
});

test('another shared token pairs anew', async () => {
  await using bridge = await startTestBridge({ link: { authToken: 'a wrong token' } });
  await untilState(bridge, 'refused');
  await bridge.restart({ authToken: sharedToken });
  await untilState(bridge, 'connected');
});

test('a message arrives as who wrote it, and its answer goes back to that chat', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001', name: 'Ann' });
  await until('the message', () => bridge.taken.length === 1);
  assert.deepEqual(bridge.taken[0]?.sender, { id: '1001', name: 'Ann' });
  await bridge.link.send(answerTo(bridge, 'a1', 'good day'));
  await until('the answer', () => bridge.gateway.sent.length === 1);
  const { to, channel, account, text } = bridge.gateway.sent[0] ?? assert.fail();
  assert.deepEqual({ to, channel, account, text }, { to: '1001', channel: 'telegram', account: 'default', text: 'good day' });
});

test('messages of a chat come in order and once, through cuts, restarts of either side and a store that fails', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  const people = ['1001', '1002', '1003'];
  for (let n = 0; n < 60; n++) {
    for (const from of people) bridge.gateway.receive({ text: `${from}:${n}`, from });
    if (n % 12 === 3) bridge.gateway.cut();
    if (n % 15 === 7) bridge.gateway.restart();
    if (n === 20) bridge.failing = true;
    if (n === 26) bridge.failing = false;
    if (n % 20 === 11) await bridge.restart();
    await delay(3);
  }
  await until(`all messages (have ${bridge.taken.length})`, () => bridge.taken.length >= 180);
  await delay(50);
  for (const from of people) assert.deepEqual(texts(bridge).filter((text) => text.startsWith(from)), Array.from({ length: 60 }, (_, n) => `${from}:${n}`));
});

test('what was written while we were away is read from the history, from a new person too, however much it is', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'before', from: '1001' });
  await until('the first', () => bridge.taken.length === 1);
  await bridge.link.close();
  for (let n = 0; n < 450; n++) bridge.gateway.receive({ text: `missed ${n}`, from: '1001' });
  bridge.gateway.receive({ text: 'and me', from: '1009' });
  await bridge.restart();
  await until('the rest', () => bridge.taken.length === 452);
  assert.deepEqual(texts(bridge).filter((text) => text.startsWith('missed')), Array.from({ length: 450 }, (_, n) => `missed ${n}`));
  assert.ok(texts(bridge).includes('and me'));
});

test('a lost event is made up for by the next one', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'one', from: '1001' }, { quiet: true });
  bridge.gateway.receive({ text: 'two', from: '1001' });
  await until('both', () => bridge.taken.length === 2);
  assert.deepEqual(texts(bridge), ['one', 'two']);
});

test('what stood there before the bridge was first connected, or is older than a day, is nobody\'s question', async () => {
  await using bridge = await startTestBridge({ start: false });
  bridge.gateway.receive({ text: 'long ago', from: '1001', at: Date.now() - 3_600_000 });
  bridge.link.start();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'stale', from: '1001', at: Date.now() - 90_000_000 });
  bridge.gateway.receive({ text: 'now', from: '1001', at: Date.now() + 1_000 });
  await until('the new one', () => bridge.taken.length === 1);
  assert.deepEqual(texts(bridge), ['now']);
});

test('a platform that tells whole seconds loses no message of the bridge\'s first second', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  const row = channelRow({ text: 'quick', from: '1001', at: Date.now() - 900 });
  bridge.gateway.sessions.add('agent:main:telegram:direct:1001', { ...row, __openclaw: { ...(row['__openclaw'] as object), recordTimestampMs: Date.now() + 1 } });
  bridge.gateway.broadcast('session.message', { sessionKey: 'agent:main:telegram:direct:1001', message: row });
  await until('the message', () => bridge.taken.length === 1);
});

test('a session that OpenClaw has reset goes on, and nothing in it comes twice', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  const key = 'agent:main:telegram:direct:1001';
  bridge.gateway.receive({ text: 'one', from: '1001' });
  await until('the first', () => bridge.taken.length === 1);
  const [row] = bridge.gateway.sessions.rows(key);
  bridge.gateway.sessions.reset(key);
  bridge.gateway.sessions.add(key, row ?? assert.fail());
  bridge.gateway.receive({ text: 'two', from: '1001' });
  await until('the second', () => bridge.taken.length === 2);
  assert.deepEqual([texts(bridge), bridge.link.status().counters.repeated], [['one', 'two'], 1]);
});

test('OpenClaw\'s own answers and our own are not messages', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  bridge.gateway.agentSays('agent:main:telegram:direct:1001', 'I am OpenClaw');
  await until('the message', () => bridge.taken.length === 1);
  await bridge.link.send(answerTo(bridge, 'a1', 'ours'));
  bridge.gateway.receive({ text: 'again', from: '1001' });
  await until('the second', () => bridge.taken.length === 2);
  assert.deepEqual(texts(bridge), ['hello', 'again']);
});

test('a long answer goes out in parts and in order, and the same answer handed over again goes out once', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001', channel: 'discord' });
  await until('the message', () => bridge.taken.length === 1);
  const paragraphs = Array.from({ length: 5 }, (_, n) => `${n}${'x'.repeat(1_500)}`);
  for (let n = 0; n < 3; n++) await bridge.link.send(answerTo(bridge, 'a1', paragraphs.join('\n\n')));
  await until('all parts', () => bridge.gateway.sent.length === 5);
  await delay(50);
  assert.deepEqual(bridge.gateway.sent.map(({ text }) => text), paragraphs);
  assert.ok(bridge.gateway.sent.every(({ to }) => to === 'user:1001'));
});

test('an answer given while OpenClaw is away goes out when it is back, also after our restart', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  bridge.gateway.script.upgradeStatus = 503;
  bridge.gateway.cut();
  await untilState(bridge, 'waiting');
  await bridge.link.send(answerTo(bridge, 'a1', 'later'));
  await bridge.restart();
  await untilState(bridge, 'waiting');
  bridge.gateway.script.upgradeStatus = undefined;
  await until('the answer', () => bridge.gateway.sent.length === 1);
});

test('an answer whose receipt was lost is found in the history and not sent again, even by a gateway that has forgotten its keys', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  let swallowed = 0;
  bridge.gateway.script.answer = (request) => {
    if (request.method !== 'send' || swallowed > 0) return undefined;
    swallowed += 1;
    // It is carried out, its answer never comes, and the process is another one afterwards.
    bridge.gateway.sessions.add('agent:main:telegram:direct:1001', { role: 'assistant', content: 'kept', __openclaw: { idempotencyKey: request.params['idempotencyKey'] } });
    setImmediate(() => bridge.gateway.restart());
    return 'silence';
  };
  await bridge.link.send(answerTo(bridge, 'a1', 'once'));
  await until('the receipt', () => bridge.link.status().counters.answers_delivered === 1);
  assert.deepEqual([swallowed, bridge.gateway.sent.length], [1, 0]);
});

test('an answer whose sending was cut off is sent again under the same key', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  let cuts = 0;
  bridge.gateway.script.answer = (request) => {
    if (request.method !== 'send' || cuts > 1) return undefined;
    cuts += 1;
    setImmediate(() => bridge.gateway.cut());
    return 'silence';
  };
  await bridge.link.send(answerTo(bridge, 'a1', 'once'));
  await until('the receipt', () => bridge.link.status().counters.answers_delivered === 1, 15_000);
  const keys = bridge.gateway.requests.filter(({ method }) => method === 'send').map(({ params }) => params['idempotencyKey']);
  assert.deepEqual([keys.length, new Set(keys).size, bridge.gateway.sent.length], [3, 1, 1]);
});

test('what OpenClaw keeps in its own queue is not sent again, and is visible with its reason', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  bridge.gateway.script.answer = (request) => (request.method === 'send' && request.params['message'] === 'first' ? { error: { code: 'UNAVAILABLE', message: 'the platform is away', details: { code: 'OUTBOUND_DELIVERY_QUEUED' } } } : undefined);
  await bridge.link.send(answerTo(bridge, 'a1', 'first'));
  await bridge.link.send(answerTo(bridge, 'a2', 'second'));
  await until('the second', () => bridge.gateway.sent.length === 1);
  const [held] = await bridge.link.undelivered(5);
  assert.deepEqual([held?.id, held?.state], ['a1', 'held']);
  assert.match(held?.reason ?? '', /OpenClaw keeps it/);
  assert.equal(bridge.gateway.requests.filter(({ method, params }) => method === 'send' && params['message'] === 'first').length, 1);
});

test('a refused answer stays visible with its reason, is tried again under a fresh key, and fails for good after a day', async () => {
  let now = Date.now();
  await using bridge = await startTestBridge({ link: { clock: () => now } });
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  bridge.gateway.script.answer = (request) => (request.method === 'send' ? { error: { code: 'INVALID_REQUEST', message: 'unsupported channel: telegram' } } : undefined);
  await bridge.link.send(answerTo(bridge, 'a1', 'first'));
  await until('the refusal', async () => (await bridge.link.undelivered(1)).length === 1);
  now += 3_000;
  const keys = (): unknown[] => bridge.gateway.requests.filter(({ method }) => method === 'send').map(({ params }) => params['idempotencyKey']);
  await until('another try', () => keys().length === 2);
  assert.equal(new Set(keys()).size, 2);
  now += 86_400_001;
  await until('the end', async () => (await bridge.link.undelivered(1))[0]?.state === 'failed', 15_000);
  assert.match((await bridge.link.undelivered(1))[0]?.reason ?? '', /within a day.*unsupported channel/);
});

test('a text that a delta cuts is read whole, in its place, and only then', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'first', from: '1001' });
  await until('the first', () => bridge.taken.length === 1);
  const pages = (): number => bridge.gateway.requests.filter(({ method, params }) => method === 'chat.history' && params['cursor'] === undefined).length;
  const before = pages();
  const long = 'x'.repeat(20_000);
  bridge.gateway.receive({ text: long, from: '1001' }, { quiet: true });
  bridge.gateway.receive({ text: 'last', from: '1001' });
  await until('all', () => bridge.taken.length === 3);
  assert.deepEqual([texts(bridge), bridge.taken[1]?.truncated, pages() - before], [['first', long, 'last'], false, 1]);
});

const own = 'agent:main:telegram:direct:1001';
const ranACommand = [toolCallRow('exec'), toolResultRow('exec', 'hi'), agentRow('tool said: hi')];

test('what OpenClaw\'s own agent does with people\'s messages is found, also what comes without an event', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  const found = (): string[] => bridge.link.status().findings.map(({ code }) => code);
  for (let turn = 0; turn < 3; turn++) {
    bridge.gateway.receive({ text: `turn ${turn}`, from: '1001', at: Date.now() + turn * 10_000 });
    bridge.gateway.agentTurn(own, ranACommand, { delivers: true });
  }
  await until('the findings', () => found().length === 4);
  assert.deepEqual(found(), ['runs_commands', 'answers_itself', 'uses_tools', 'own_turns']);
  bridge.gateway.receive({ text: 'again', from: '1001' });
  bridge.gateway.agentTurn(own, [agentRow('me too')], { delivers: false });
  await until('it was mended', () => !found().includes('answers_itself'));
});

test('our own answers are nobody\'s sign; a message of somebody else\'s is', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  await bridge.link.send(answerTo(bridge, 'a1', 'ours'));
  await until('the answer', () => bridge.link.status().counters.answers_delivered === 1);
  bridge.gateway.receive({ text: 'again', from: '1001' });
  await until('the second', () => bridge.taken.length === 2);
  assert.deepEqual(bridge.link.status().findings, []);
  bridge.gateway.agentTurn(own, [mirrorRow('theirs', 'a-run:message-tool:1')], { delivers: false });
  await until('the finding', () => bridge.link.status().findings.some(({ code }) => code === 'sends_messages'));
});

test('only the five methods ever reach the gateway', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  await bridge.link.send(answerTo(bridge, 'a1', 'x'));
  await until('the answer', () => bridge.gateway.sent.length === 1);
  assert.deepEqual([...new Set(bridge.gateway.requests.map(({ method }) => method))].sort(), ['chat.history', 'connect', 'send', 'sessions.subscribe']);
});

test('the scripted history pages and deltas as the real one was seen to', () => {
  const sessions = createScriptedSessions();
  for (let n = 0; n < 5; n++) sessions.add('s', { role: 'user', content: String(n) });
  const page = sessions.history({ sessionKey: 's', limit: 2 }) as { messages: { content: string }[]; nextOffset: number; deltaCursor: string };
  assert.deepEqual([page.messages.map(({ content }) => content), page.nextOffset], [['3', '4'], 2]);
  assert.deepEqual(sessions.history({ sessionKey: 's', cursor: 'xx' }), { kind: 'reset' });
  sessions.add('s', { role: 'user', content: '5' });
  assert.equal((sessions.history({ sessionKey: 's', cursor: page.deltaCursor }) as { messages: unknown[] }).messages.length, 1);
});

test('without any token the bridge says what to set, and does not even dial', async () => {
  await using bridge = await startTestBridge({ link: { authToken: '' } });
  const status = await untilState(bridge, 'refused');
  assert.deepEqual([status.reason, bridge.gateway.connections], ['no_token', 0]);
});

test('an address that is not allowed is refused without being shown or dialled', async () => {
  await using bridge = await startTestBridge({ link: { url: 'ws://user:secret@gateway.example.com/' } });
  const status = await untilState(bridge, 'refused');
  assert.equal(status.reason, 'address_not_allowed');
  assert.doesNotMatch(JSON.stringify(status), /secret/);
});

test('a text that the platform cannot take as one message reaches each chat in its own order, while another chat is stuck', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  for (const from of ['1001', '1002']) bridge.gateway.receive({ text: 'hello', from });
  await until('both', () => bridge.taken.length === 2);
  const [ann, bob] = bridge.taken.toSorted((a, b) => a.chat.localeCompare(b.chat));
  assert.ok(ann && bob);
  bridge.gateway.script.answer = (request) => (request.method === 'send' && request.params['to'] === '1001' ? { error: { code: 'UNAVAILABLE', message: 'blocked by the user' } } : undefined);
  for (let n = 0; n < 3; n++) for (const to of [ann, bob]) await bridge.link.send({ id: `${to.chat}-${n}`, to, sessionKey: to.sessionKey, text: `${n}` });
  await until('all for Bob', () => bridge.gateway.sent.length === 3);
  assert.deepEqual(bridge.gateway.sent.map(({ to, text }) => `${to}:${text}`), ['1002:0', '1002:1', '1002:2']);
  // What comes later for a stuck chat waits its turn.
  assert.deepEqual((await bridge.link.undelivered(5)).map(({ id }) => id), ['1001-0']);
});

test('a gateway behind a Unix socket is reached like any other', async () => {
  await using bridge = await startTestBridge({ start: false });
  const path = join(bridge.stateDir, 'openclaw.sock');
  const relay = createServer((near) => {
    const far = connect(bridge.gateway.port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]] as const) from.pipe(to).on('error', () => from.destroy()).on('close', () => from.destroy());
  });
  relay.listen(path);
  await once(relay, 'listening');
  await bridge.restart({ url: `ws+unix:${path}` });
  bridge.link.start();
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  assert.equal(bridge.link.status().address, `ws+unix:${path}`);
  await bridge.link.close();
  await new Promise((resolve) => relay.close(resolve));
});
