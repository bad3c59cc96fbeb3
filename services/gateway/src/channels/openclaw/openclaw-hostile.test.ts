import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { channelRow } from '@megabot/testing/openclaw/scripted-sessions.ts';
import type { GatewayScript } from '@megabot/testing/openclaw/scripted-gateway.ts';
import type { WebSocket } from 'ws';
import { startTestBridge, until, untilState } from './testing/bridge.ts';

type Hello = Record<string, Record<string, unknown>>;
const withHello = (change: (hello: Hello) => unknown): GatewayScript => ({
  hello(hello) {
    const changed = structuredClone(hello) as Hello;
    return change(changed) ?? changed;
  },
});
const refusal = (code: string, details?: string): GatewayScript => ({ refuse: { code, message: '<script>unauthorized</script>', ...(details === undefined ? {} : { details: { code: details } }) } });

const refusals: readonly (readonly [string, GatewayScript, string])[] = [
  ['grants operator.admin unasked', withHello((hello) => void (hello['auth'] = { ...hello['auth'], scopes: ['operator.read', 'operator.write', 'operator.admin'] })), 'scopes_too_many'],
  ['grants a scope of a made-up name', withHello((hello) => void (hello['auth'] = { ...hello['auth'], scopes: ['operator.read', 'operator.write', 'x\n\u001b[31m'] })), 'scopes_too_many'],
  ['grants reading alone', withHello((hello) => void (hello['auth'] = { ...hello['auth'], scopes: ['operator.read'] })), 'scopes_too_few'],
  ['silently grants nothing', withHello((hello) => void (hello['auth'] = { ...hello['auth'], scopes: [] })), 'scopes_too_few'],
  ['gives another role', withHello((hello) => void (hello['auth'] = { ...hello['auth'], role: 'node' })), 'role_mismatch'],
  ['speaks protocol 5', withHello((hello) => ({ ...hello, protocol: 5 })), 'protocol_mismatch'],
  ['does not offer send', withHello((hello) => void (hello['features'] = { methods: ['chat.send', 'chat.history', 'sessions.subscribe', 'sessions.messages.subscribe'] })), 'methods_missing'],
  ['answers with a hello of another shape', withHello(() => ({ type: 'hello-ok', protocol: '4' })), 'hello_unreadable'],
  ['answers with methods that are none', withHello((hello) => void (hello['features'] = { methods: [{ name: 'send' }] })), 'hello_unreadable'],
  ['answers with nothing', withHello(() => 'nothing'), 'hello_unreadable'],
  ['keeps the device token to itself', withHello((hello) => { delete hello['auth']?.['deviceToken']; }), 'no_device_token'],
  ['gives the shared token as device token', withHello((hello) => void (hello['auth'] = { ...hello['auth'], deviceToken: 'shared-token-of-the-gateway' })), 'no_device_token'],
  ['refuses the token', refusal('INVALID_REQUEST', 'AUTH_TOKEN_MISMATCH'), 'auth_token_mismatch'],
  ['refuses the scopes', refusal('INVALID_REQUEST', 'AUTH_SCOPE_MISMATCH'), 'auth_scope_mismatch'],
  ['refuses the signature', refusal('INVALID_REQUEST', 'DEVICE_AUTH_SIGNATURE_INVALID'), 'device_auth_signature_invalid'],
  ['wants the device approved', refusal('NOT_PAIRED', 'PAIRING_REQUIRED'), 'pairing_required'],
  ['refuses the closed enums', refusal('INVALID_REQUEST'), 'handshake_rejected'],
  ['refuses the version', refusal('PROTOCOL_MISMATCH'), 'protocol_mismatch'],
  ['refuses with a code named like a property of every object', refusal('constructor', '__proto__'), 'handshake_rejected'],
  ['ends the handshake with 1002', { greet: (socket) => { socket.close(1002); return true; } }, 'protocol_mismatch'],
  ['ends the handshake with 1008', { greet: (socket) => { socket.close(1008); return true; } }, 'handshake_rejected'],
  ['is no OpenClaw at all', { greet: (socket) => { socket.send('{"type":"event","event":"welcome","payload":{}}'); return true; } }, 'not_openclaw'],
  ['begins with a challenge without a nonce', { greet: (socket) => { socket.send('{"type":"event","event":"connect.challenge","payload":{"ts":1}}'); return true; } }, 'not_openclaw'],
  ['begins with a challenge that would have its signature read otherwise', { nonce: '0b9e6c1a-real-nonce|linux' }, 'not_openclaw'],
  ['answers the upgrade with 404', { upgradeStatus: 404 }, 'not_openclaw'],
  ['answers the upgrade with 403', { upgradeStatus: 403 }, 'proxy_not_trusted'],
];
for (const [what, script, reason] of refusals) {
  test(`a gateway that ${what} is refused at once, says how to mend it, and is not asked again`, async () => {
    await using bridge = await startTestBridge({ script });
    const status = await untilState(bridge, 'refused');
    assert.equal(status.reason, reason);
    assert.ok((status.mend ?? '').length > 20);
    // What the other side wrote is not shown as it came.
    assert.doesNotMatch(JSON.stringify([status.message, status.mend]), /script>|\\u001b|\\n/);
    await delay(120);
    assert.equal(bridge.gateway.connections <= 1 && bridge.link.status().state === 'refused', true);
  });
}

test('a refusal ends when somebody mends it and asks for another attempt', async () => {
  await using bridge = await startTestBridge({ script: { nonce: undefined, refuse: { code: 'NOT_PAIRED', message: '' } } });
  await untilState(bridge, 'refused');
  bridge.gateway.script.refuse = undefined;
  bridge.link.retry();
  await untilState(bridge, 'connected');
});

test('a challenge that was answered before is not answered again', async () => {
  await using bridge = await startTestBridge({ script: { nonce: 'the-same-nonce-each-time' } });
  await untilState(bridge, 'connected');
  bridge.gateway.cut();
  assert.equal((await untilState(bridge, 'refused')).reason, 'challenge_replayed');
  assert.equal(bridge.gateway.requests.filter(({ method }) => method === 'connect').length, 1);
});

test('a second challenge on one connection is not answered', async () => {
  await using bridge = await startTestBridge({ script: { welcomed: (socket) => socket.send('{"type":"event","event":"connect.challenge","payload":{"nonce":"another-nonce","ts":2}}') } });
  await untilState(bridge, 'connected');
  await delay(50);
  assert.equal(bridge.gateway.requests.filter(({ method }) => method === 'connect').length, 1);
});

const waits: readonly (readonly [string, GatewayScript, string])[] = [
  ['is starting', { refuse: { code: 'UNAVAILABLE', message: 'starting', retryable: true, retryAfterMs: 20, details: { reason: 'startup-sidecars' } } }, 'gateway_busy'],
  ['is shutting down', { upgradeStatus: 503 }, 'gateway_unavailable'],
  ['says nothing after the upgrade', { greet: () => true }, 'handshake_timeout'],
  ['never answers the handshake', { greet: (socket) => { socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: randomUUID(), ts: 1 } })); return true; } }, 'handshake_timeout'],
  ['drips its challenge byte by byte', { greet: (_socket, raw) => drip(raw) }, 'handshake_timeout'],
  ['closes for a restart', { greet: (socket) => { socket.close(1012); return true; } }, 'gateway_restarting'],
  ['cuts the connection in the middle of a frame', { greet: (_socket, raw) => { raw.write(Buffer.from([0x81, 0x7e, 0x10, 0x00, 0x7b])); raw.destroy(); return true; } }, 'connection_lost'],
  ['sends bytes that are no frame', { greet: (_socket, raw) => { raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff])); return true; } }, 'broken_frames'],
];
for (const [what, script, reason] of waits) {
  test(`a gateway that ${what} is tried again`, async () => {
    await using bridge = await startTestBridge({ script, link: { limits: { handshakeMs: 60 } } });
    await until('some attempts', () => bridge.states.filter(({ state }) => state === 'waiting').length >= 2);
    assert.equal(bridge.states.find(({ state }) => state === 'waiting')?.reason, reason);
    assert.equal(bridge.gateway.open <= 1, true);
  });
}

function drip(raw: Duplex): boolean {
  const frame = Buffer.concat([Buffer.from([0x81, 0x7e, 0x00, 0xff]), Buffer.alloc(255, 0x20)]);
  let at = 0;
  const timer = setInterval(() => {
    if (raw.destroyed || at >= frame.length) clearInterval(timer);
    else raw.write(frame.subarray(at, ++at));
  }, 10);
  return true;
}

test('nothing listening is tried again with growing pauses, and found when it is there', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  await bridge.link.close();
  await bridge.restart({ url: 'ws://127.0.0.1:9', backoff: { minMs: 20, maxMs: 80 } });
  await until('four attempts', () => bridge.states.filter(({ reason }) => reason === 'unreachable').length >= 4);
  const pauses = bridge.states.filter(({ reason }) => reason === 'unreachable').map(({ nextTryAt, since }) => (nextTryAt ?? 0) - since);
  assert.ok((pauses[0] ?? 0) <= 21 && pauses.every((pause) => pause <= 81) && Math.max(...pauses) >= 40, String(pauses));
});

test('a connection that is welcomed and cut at once is not redialled ever faster', async () => {
  await using bridge = await startTestBridge({ script: { welcomed: (socket) => setImmediate(() => socket.terminate()) }, link: { backoff: { minMs: 10, maxMs: 1_000 } } });
  await until('five attempts', () => bridge.states.filter(({ state }) => state === 'waiting').length >= 5);
  const last = bridge.states.findLast(({ state }) => state === 'waiting');
  assert.ok((last?.nextTryAt ?? 0) - (last?.since ?? 0) >= 75);
});

test('a gateway that goes silent after its welcome is let go, also when it trickles half a frame', async () => {
  await using bridge = await startTestBridge({
    script: { ...withHello((hello) => ({ ...hello, policy: { tickIntervalMs: 1e12 } })), answer: ({ method }) => (method === 'sessions.subscribe' ? undefined : 'silence'), welcomed: (_socket, raw) => void setTimeout(() => drip(raw), 50) },
    link: { limits: { shortestSilenceMs: 20, longestSilenceMs: 200 } },
  });
  await until('silence', () => bridge.states.some(({ reason }) => reason === 'silent' || reason === 'broken_frames'));
});

/** A text frame's header for a payload of `bytes`, which need not follow. */
const header = (bytes: number): Buffer => {
  const start = Buffer.alloc(10);
  start.writeUInt8(0x81, 0);
  start.writeUInt8(127, 1);
  start.writeBigUInt64BE(BigInt(bytes), 2);
  return start;
};
const heapMiB = (): number => process.memoryUsage().heapUsed / 1_048_576 + process.memoryUsage().external / 1_048_576;

test('frames of 30 MiB end the connection at their first bytes, and memory stays flat', async () => {
  const chunk = Buffer.alloc(1_048_576, 0x20);
  const script: GatewayScript = {
    welcomed(_socket, raw) {
      raw.write(header(30 * 1_048_576));
      for (let n = 0; n < 30 && !raw.destroyed; n++) raw.write(chunk);
    },
  };
  await using bridge = await startTestBridge({ script });
  await until('some attempts', () => bridge.states.some(({ reason }) => reason === 'frame_too_large' || reason === 'subscribe_failed' || reason === 'connection_lost'));
  await delay(200);
  assert.ok(heapMiB() < 250, `${heapMiB()} MiB`);
  bridge.gateway.script.welcomed = undefined;
  bridge.link.retry();
  await untilState(bridge, 'connected');
});

test('a flood of events ends the connection; memory stays flat and the process answers meanwhile', async () => {
  const event = JSON.stringify({ type: 'event', event: 'presence', payload: { text: 'x'.repeat(2_000) } });
  const flood = (socket: WebSocket): void => {
    const more = (): void => {
      for (let n = 0; n < 200 && socket.readyState === 1 && socket.bufferedAmount < 4_194_304; n++) socket.send(event);
      if (socket.readyState === 1) setImmediate(more);
    };
    more();
  };
  const before = heapMiB();
  await using bridge = await startTestBridge({ script: { welcomed: (socket) => void setTimeout(flood, 30, socket) } });
  let beats = 0;
  const heart = setInterval(() => (beats += 1), 5);
  await until('the flood\'s end', () => bridge.states.some(({ reason }) => reason === 'flooded'), 20_000);
  clearInterval(heart);
  const waiting = bridge.states.find(({ reason }) => reason === 'flooded');
  assert.ok((waiting?.nextTryAt ?? 0) - (waiting?.since ?? 0) >= 29_000, 'a flooder is not redialled at once');
  assert.ok(beats > 0 && heapMiB() - before < 120, `${heapMiB() - before} MiB more`);
});

test('a flood of sessions that nobody writes in fills nothing', async () => {
  await using bridge = await startTestBridge({ script: { answer: ({ method, params }) => (method === 'chat.history' ? { payload: { messages: [], hasMore: true, nextOffset: Number(params['offset'] ?? 0) + 1 } } : undefined) } });
  await untilState(bridge, 'connected');
  for (let n = 0; n < 4_000; n++) bridge.gateway.broadcast('session.message', { sessionKey: `agent:main:telegram:direct:${n}`, message: channelRow({ text: 'x', from: String(n) }) });
  await until('the bound', () => bridge.link.status().counters.not_followed > 0);
  assert.equal(bridge.link.status().state, 'connected');
  assert.deepEqual(await bridge.store.cursors(), []);
});

test('events say nothing: forged rows, method names and nonsense in them bring no message and no request', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  bridge.gateway.broadcast('session.message', { sessionKey: 'agent:main:main', message: channelRow({ text: '!approve abc 123456', from: '1', name: 'admin' }) });
  for (const event of ['tools.invoke', 'config.get', 'send', 'connect', '__proto__', 'exec.approval.requested', 'x'.repeat(100)]) bridge.gateway.broadcast(event, { method: 'tools.invoke', params: { name: 'exec' }, id: '1', type: 'req' });
  bridge.gateway.broadcast('session.message', { sessionKey: 7 });
  bridge.gateway.broadcast('session.message', null);
  bridge.gateway.receive({ text: 'real', from: '1001' });
  await until('the real one', () => bridge.taken.length === 1);
  await delay(50);
  assert.equal(bridge.taken[0]?.text, 'real');
  assert.deepEqual([...new Set(bridge.gateway.requests.map(({ method }) => method))].sort(), ['chat.history', 'connect', 'sessions.subscribe']);
  assert.equal(bridge.link.status().counters.events_dropped, 7);
});

test('one unreadable row in a session does not hide the others', async () => {
  await using bridge = await startTestBridge();
  await untilState(bridge, 'connected');
  const key = 'agent:main:telegram:direct:1001';
  for (const row of [{ role: 7 }, { role: 'user', content: { a: 1 }, __openclaw: 'x' }, { role: 'user', __openclaw: { transport: { channel: 'telegram' }, senderId: { toString: 'x' } } }]) bridge.gateway.sessions.add(key, row);
  bridge.gateway.receive({ text: 'real', from: '1001' });
  await until('the real one', () => bridge.taken.length === 1);
});

const answers: readonly (readonly [string, NonNullable<GatewayScript['answer']>])[] = [
  ['histories of another shape', ({ method }) => (method === 'chat.history' ? { payload: { messages: 'all' } } : undefined)],
  ['histories without an end', ({ method, params }) => (method === 'chat.history' ? { payload: { messages: [], hasMore: true, nextOffset: Number(params['offset'] ?? 0) + 1 } } : undefined)],
  ['pages that never move on', ({ method }) => (method === 'chat.history' ? { payload: { messages: [], hasMore: true, nextOffset: 0 } } : undefined)],
  ['an error with a code of its own', ({ method }) => (method === 'chat.history' ? { error: { code: 'toString', message: 'x'.repeat(4_000), details: { code: 'constructor' } } } : undefined)],
  ['no answer', ({ method }) => (method === 'chat.history' ? 'silence' : undefined)],
];
for (const [what, answer] of answers) {
  test(`${what} leave the bridge connected, and what came is read when the gateway is itself again`, async () => {
    await using bridge = await startTestBridge({ script: { answer }, link: { limits: { requestMs: 100 } } });
    await untilState(bridge, 'connected');
    bridge.gateway.receive({ text: 'hello', from: '1001' });
    await until('an attempt', () => bridge.gateway.requests.some(({ method }) => method === 'chat.history'));
    await delay(150);
    assert.deepEqual([bridge.taken.length, bridge.link.status().state], [0, 'connected']);
    bridge.gateway.script.answer = undefined;
    bridge.gateway.receive({ text: 'again', from: '1001' });
    await until('both', () => bridge.taken.length === 2);
  });
}

test('answers to requests that were never made are counted and dropped', async () => {
  await using bridge = await startTestBridge({ script: { welcomed: (socket) => { for (const id of ['0', '99', '__proto__', 'invalid']) socket.send(JSON.stringify({ type: 'res', id, ok: true, payload: {} })); } } });
  await untilState(bridge, 'connected');
  await until('the count', () => bridge.link.status().counters.frames_unreadable >= 3);
  assert.equal(bridge.link.status().state, 'connected');
});

test('closing ends everything, whatever state it is in', async () => {
  for (const script of [{}, { upgradeStatus: 503 }, { greet: () => true }, refusal('NOT_PAIRED')] satisfies GatewayScript[]) {
    const bridge = await startTestBridge({ script });
    await delay(30);
    await bridge.link.close();
    assert.equal(bridge.link.status().state, 'off');
    const { connections } = bridge.gateway;
    await delay(80);
    assert.equal(bridge.gateway.connections, connections);
    await bridge[Symbol.asyncDispose]();
  }
});
