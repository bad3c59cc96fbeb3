import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { pino } from 'pino';
import { startTestBridge, until, untilState } from './testing/bridge.ts';

/** A logger that keeps its lines. */
function listeningLogger() {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString('utf8'));
      done();
    },
  });
  return { lines, logger: pino({ level: 'debug' }, sink) };
}

const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;

test('what a gateway says of a refusal is shown on one line, without anything that steers a terminal, hides or reverses text', async () => {
  const hostile = { code: 'NO\u001b[2J\n', message: `\u001b]0;owned\u0007\u202egnp.exe\u2066 line\r\nINFO all is well \u{E0041}${'x'.repeat(250)}\u{1F600}`, details: { code: 'X\u0000' } };
  await using bridge = await startTestBridge({ script: { answer: ({ method }) => (method === 'send' ? { error: hostile } : undefined) } });
  await untilState(bridge, 'connected');
  await bridge.link.send({ id: 'a1', to: address, sessionKey: 'agent:main:main', text: 'hello' });
  await until('the failure', async () => (await bridge.link.undelivered(5)).length === 1);
  const [answer] = await bridge.link.undelivered(5);
  assert.match(answer?.reason ?? '', /^OpenClaw refused it: /);
  assert.doesNotMatch(answer?.reason ?? '', /[\p{C}\p{Zl}\p{Zp}]/u);
});

test('neither the tokens nor what people wrote stands in the log, whatever goes wrong', async () => {
  const { lines, logger } = listeningLogger();
  const secretText = 'the words of a person';
  await using bridge = await startTestBridge({ link: { logger }, script: { answer: ({ method }) => (method === 'chat.history' ? { payload: { messages: secretText, deltaCursor: 7 } } : undefined) } });
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: secretText, from: '1001' });
  await until('trouble', () => lines.some((line) => line.includes('could not be read')));
  bridge.gateway.script.answer = undefined;
  bridge.failing = true;
  bridge.gateway.receive({ text: secretText, from: '1002' });
  await until('more trouble', () => lines.filter((line) => line.includes('could not be read')).length >= 1);
  bridge.gateway.cut();
  await until('another connection', () => bridge.gateway.connections >= 2);
  const all = lines.join('');
  for (const secret of [secretText, 'shared-token-of-the-gateway', 'the secret of this installation', ...bridge.gateway.deviceTokens]) assert.equal(all.includes(secret), false, secret);
});

test('a gateway that fails everything fills the log with no more than a few lines', async () => {
  const { lines, logger } = listeningLogger();
  await using bridge = await startTestBridge({ link: { logger }, script: { answer: ({ method }) => (method === 'chat.history' ? { payload: { kind: 'delta', deltaCursor: '', messages: Array.from({ length: 400 }, () => 7) } } : undefined) } });
  await untilState(bridge, 'connected');
  for (let n = 0; n < 300; n++) bridge.gateway.broadcast('session.message', { sessionKey: `agent:main:telegram:direct:${n}`, message: {} });
  await until('the reads', () => bridge.gateway.requests.filter(({ method }) => method === 'chat.history').length > 300);
  assert.ok(lines.length < 20, `${lines.length} lines`);
  assert.ok(Math.max(...lines.map((line) => line.length)) < 4_000, `a line of ${Math.max(...lines.map((line) => line.length))} characters`);
});
