import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startScriptedModel } from '@megabot/testing/scripted-model.ts';
import { startParts } from './testing/parts.ts';
import { createRealOpenClaw } from './testing/real-openclaw.ts';

/** A real OpenClaw, and a command that restarts it alone. Without them this fails, and the runner does not start it. */
const needed = (name: string): string => process.env[name] ?? assert.fail(`This test needs a real OpenClaw: set ${name}.`);
const url = needed('MEGABOT_TEST_OPENCLAW_URL');
const authToken = needed('MEGABOT_TEST_OPENCLAW_TOKEN');
const openclaw = createRealOpenClaw({ url, token: authToken, telegram: needed('MEGABOT_TEST_TELEGRAM_URL'), restartCommand: needed('MEGABOT_TEST_OPENCLAW_RESTART') });

const rounds = process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 200 : 10;
const run = Date.now().toString(36).slice(-5);
const people = [1, 2, 3, 4, 5].map((n) => String((Math.floor(Date.now() / 100) % 100_000_000) * 10 + n));
/** Short, so that an answer to several that OpenClaw joined holds them all. */
const wordOf = (person: number, round: number): string => `w${person}x${round}x${run}`;
const words = new RegExp(`w\\d+x\\d+x${run}`, 'g');
/** Between two messages of all: OpenClaw joins what one person writes in quick succession. */
const pauseMs = 300;
const patienceMs = 600_000;
/** How many may wait for their answer before the next is written: OpenClaw's agent works on each, one by one. */
const mostWaiting = 25;

const configuration = `
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: [${people.map((id) => JSON.stringify(id)).join(', ')}], ratePerMinute: 600 }
`;

test('each of many messages is answered once and in order while gateway, orchestrator and OpenClaw are restarted', async (t) => {
  const model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  t.after(async () => await model.close());
  await using megabot = await startParts({ configuration, modelUrl: `${model.url}/v1`, openclaw: { url, authToken } });

  const answered = new Map<string, string[]>(people.map((person) => [person, []]));
  const look = async (): Promise<number> => {
    for (const { chat, text } of await openclaw.sent()) answered.get(chat)?.push(...new Set(text.match(words) ?? []));
    return [...answered.values()].reduce((sum, list) => sum + new Set(list).size, 0);
  };
  const bridge = async () => ((await megabot.get('/api/v1/bridges'))['bridges'] as { state: string; reason?: string; undelivered: unknown[] }[])[0];
  const until = async (what: string, holds: () => Promise<boolean>, everyMs = 500): Promise<void> => {
    const deadline = performance.now() + patienceMs;
    while (!(await holds())) {
      if (performance.now() > deadline) assert.fail(`${what} did not come; the bridge: ${JSON.stringify(await bridge()).slice(0, 1_000)}`);
      await delay(everyMs);
    }
  };
  const connected = async (): Promise<void> => await until('the connection', async () => (await bridge())?.state === 'connected');
  await openclaw.sent();
  await connected();

  let expectedLost = 0;
  const keepPace = async (written: number): Promise<void> => {
    let [last, since] = [await look(), performance.now()];
    while (written - expectedLost - last > mostWaiting) {
      await delay(200);
      const count = await look();
      if (count !== last) [last, since] = [count, performance.now()];
      // What has not come for so long may be lost; whether it is, is looked at in the end.
      else if (performance.now() - since > 180_000) expectedLost = written - last;
    }
  };

  const everything = rounds * people.length;
  // Where in the stream what is restarted, in parts of it.
  const restarts: [part: number, what: () => Promise<void>][] = [
    [0.08, megabot.restartGateway], [0.18, megabot.restartOrchestrator], [0.28, megabot.restartGateway], [0.38, openclaw.restart], [0.48, megabot.restartGateway],
    [0.58, megabot.restartOrchestrator], [0.66, megabot.restartGateway], [0.76, openclaw.restart], [0.88, megabot.restartGateway],
  ];
  let restarting = Promise.resolve();
  for (let index = 0; index < everything; index++) {
    const person = index % people.length;
    await openclaw.write(people[person] ?? '', wordOf(person + 1, Math.floor(index / people.length)));
    if (index >= everything * (restarts[0]?.[0] ?? Infinity)) {
      // One after the other, and each while messages go on coming.
      await restarting;
      restarting = restarts.shift()?.[1]() ?? Promise.resolve();
    }
    await delay(pauseMs);
    await keepPace(index + 1);
  }
  await restarting;
  await connected();

  const all = people.map((_, person) => Array.from({ length: rounds }, (__, round) => wordOf(person + 1, round)));
  // What OpenClaw's own history does not hold, it lost itself.
  let known = new Set<string>();
  let quietSince = performance.now();
  let before = -1;
  await until('the last answer', async () => {
    const count = await look();
    if (count !== before) [before, quietSince] = [count, performance.now()];
    if (count === everything) return true;
    if (performance.now() - quietSince < 60_000) return false;
    known = new Set((await openclaw.history().catch(() => [])).flatMap((text) => text.match(words) ?? []));
    return known.size > 0 && count >= known.size;
  });
  // Whatever would come a second time has time to come.
  await delay(10_000);
  await look();

  const heard = people.map((person) => answered.get(person) ?? []);
  const lost = all.flat().filter((word) => !heard.flat().includes(word));
  t.diagnostic(`${everything} messages, ${heard.flat().length} answered, ${lost.length} lost by OpenClaw`);
  assert.deepEqual(lost.filter((word) => known.has(word)), [], 'what OpenClaw took was answered');
  assert.ok(lost.length <= everything / 10, `OpenClaw lost more than restarts explain: ${lost.join(' ')}`);
  for (const [index, list] of heard.entries()) assert.deepEqual(list, all[index]?.filter((word) => list.includes(word)), 'once each, and in order');
  assert.deepEqual((await bridge())?.undelivered, []);
});
