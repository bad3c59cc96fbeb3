import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createMemoryStore } from './testing/memory-store.ts';
import { createOpenClawLink, type OpenClawLink, type OpenClawLinkOptions } from './openclaw-link.ts';
import { until } from './testing/bridge.ts';
import type { InboundMessage } from './types.ts';

/**
 * Against a real OpenClaw with its real Telegram channel, whose Bot API is scripted: `/_inject?text=&from=&name=` has a person
 * write, `/_log` gives and forgets what went out. Without one these tests fail, and the runner does not start them.
 */
const url = process.env['MEGABOT_TEST_OPENCLAW_URL'];
const token = process.env['MEGABOT_TEST_OPENCLAW_TOKEN'];
const telegram = process.env['MEGABOT_TEST_TELEGRAM_URL'];
if (url === undefined || token === undefined || telegram === undefined) {
  throw new Error('These tests need a real OpenClaw: set MEGABOT_TEST_OPENCLAW_URL, MEGABOT_TEST_OPENCLAW_TOKEN and MEGABOT_TEST_TELEGRAM_URL.');
}

/** OpenClaw takes seconds for a turn, and many on a machine that does something else as well. */
const patienceMs = 120_000;
const run = Date.now().toString(36);
const person = String(Math.floor(Date.now() / 10) % 1_000_000_000);
const folder = await mkdtemp(join(tmpdir(), 'megabot-openclaw-it-'));
const store = createMemoryStore();
const taken: InboundMessage[] = [];
const make = (change: Partial<OpenClawLinkOptions> = {}): OpenClawLink => {
  const link = createOpenClawLink({
    url, authToken: token, stateDir: join(folder, 'state'), stateSecret: 'a state secret of the test', localOnly: true, version: '0.1.0', store, logger: silentLogger(),
    onMessage: async (message) => void taken.push(message), ...change,
  });
  link.start();
  return link;
};
const connected = async (link: OpenClawLink): Promise<void> => await until('the connection', () => {
  const status = link.status();
  if (status.state === 'refused') assert.fail(`refused: ${status.message}`);
  return status.state === 'connected';
}, patienceMs);
const writes = async (text: string, from = person): Promise<void> => {
  await fetch(`${telegram}/_inject?${new URLSearchParams({ text, from, name: `P${from}` }).toString()}`);
};
const mine = (): InboundMessage[] => taken.filter(({ text }) => text.includes(run));
const wentOut: { chat: string; text: string }[] = [];
const lookOut = async (): Promise<void> => {
  const log = (await (await fetch(`${telegram}/_log`)).json()) as { method: string; p: string }[];
  for (const { method, p } of log) {
    if (!method.startsWith('send') || !p.includes('"text"')) continue;
    const { chat_id: chat, text } = JSON.parse(p) as { chat_id: string | number; text: string };
    wentOut.push({ chat: String(chat), text });
  }
};

let link = make();
after(async () => {
  await link.close();
  await rm(folder, { recursive: true, force: true });
});

test('the real gateway pairs the bridge with the shared token once, and takes it back with its device token alone', async () => {
  await connected(link);
  assert.match(link.status().gatewayVersion ?? '', /^2026\./);
  await link.close();
  link = make({ authToken: undefined });
  await connected(link);
});

test('a message on Telegram arrives as who wrote it, and the answer goes out to that chat', async () => {
  await writes(`hello ${run}`);
  await until('the message', () => mine().length === 1, patienceMs);
  const message = mine()[0] ?? assert.fail();
  const { platform, account, kind, chat, sender, text } = message;
  assert.deepEqual({ platform, account, kind, chat, sender, text }, { platform: 'telegram', account: 'default', kind: 'direct', chat: person, sender: { id: person, name: `P${person}` }, text: `hello ${run}` });
  assert.ok(Math.abs(message.at - Date.now()) < 60_000);
  await link.send({ id: `answer-${run}`, to: message, sessionKey: message.sessionKey, text: `good day ${run}` });
  await link.send({ id: `answer-${run}`, to: message, sessionKey: message.sessionKey, text: `good day ${run}` });
  await until('the answer', async () => {
    await lookOut();
    return wentOut.some((sent) => sent.text.includes(`good day ${run}`));
  }, patienceMs);
  await delay(1_000);
  await lookOut();
  assert.deepEqual(wentOut.filter((sent) => sent.text.includes(run)), [{ chat: person, text: `good day ${run}` }]);
});

test('what two people wrote while the bridge was away is read when it is back, once, and apart', async () => {
  await link.close();
  const other = String(Number(person) + 1);
  await writes(`missed ${run} 1`);
  await writes(`missed ${run} 2`, other);
  await delay(6_000);
  link = make({ authToken: undefined });
  await until('both', () => mine().length === 3, patienceMs);
  await delay(500);
  assert.deepEqual(new Set(mine().slice(1).map(({ chat, text }) => `${chat}: ${text}`)), new Set([`${person}: missed ${run} 1`, `${other}: missed ${run} 2`]));
});

test('an answer sent under a key that the gateway knows is found in its history by that key', async () => {
  const message = mine()[0] ?? assert.fail();
  await link.close();
  // As after a crash between sending and noting it.
  const [open] = [{ id: `answer-${run}`, address: { platform: 'telegram', account: 'default', kind: 'direct' as const, chat: person }, sessionKey: message.sessionKey, parts: [`good day ${run}`], state: 'pending' as const, nextPart: 0, round: 0, uncertain: true, attempts: 1, createdAt: Date.now(), nextTryAt: Date.now(), expiresAt: Date.now() + 60_000 }];
  await store.saveAnswer(open);
  link = make({ authToken: undefined });
  await connected(link);
  await until('the receipt', async () => (await store.openAnswers()).length === 0, patienceMs);
  await lookOut();
  assert.equal(wentOut.filter((sent) => sent.text.includes(`good day ${run}`)).length, 1);
});

const found = (): string[] => link.status().findings.map(({ code }) => code);

test('the doctor sees OpenClaw\'s own turns, its shared main session, its tools, and that its policy held its answers back', async () => {
  await writes(`doctor ${run}`);
  await until('a turn that was held back', () => link.status().findings.some(({ message }) => message.includes('held back')), patienceMs);
  assert.deepEqual(found(), ['shared_context', 'own_turns']);
  // Its model is scripted: this has it call a tool, which its configuration denies.
  await writes('RUN:echo hi');
  await until('a tool', () => found().includes('uses_tools'), patienceMs);
  assert.deepEqual(found(), ['shared_context', 'uses_tools', 'own_turns']);
});

test('a message that OpenClaw\'s agent sends with its own tool goes out in spite of its policy, and the doctor sees it', async () => {
  const sent = `by itself ${run}`;
  await writes(`TOOL:tool_call ${JSON.stringify({ id: 'message', args: { action: 'send', to: person, message: sent } })}`);
  await until('the finding', () => found().includes('sends_messages'), patienceMs);
  await until('the message', async () => {
    await lookOut();
    return wentOut.some(({ chat, text }) => chat === person && text === sent);
  }, patienceMs);
  // What was denied or held back is not reported as if it had happened.
  assert.deepEqual(found(), ['sends_messages', 'shared_context', 'uses_tools', 'own_turns']);
});

test('the real gateway refuses a wrong token, and the bridge stays refused', async () => {
  const wrong = make({ authToken: 'a-wrong-token-of-some-length', stateDir: join(folder, 'another') });
  await until('the refusal', () => wrong.status().state === 'refused', patienceMs);
  assert.equal(wrong.status().reason, 'auth_token_mismatch');
  await wrong.close();
});
