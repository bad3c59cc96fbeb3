import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { startStack, type Stack } from '@megabot/testing/stack.ts';
import { createAsker } from './openclaw-asker.ts';
import { throughRestarts } from './openclaw-restarts.ts';
import { createRealOpenClaw } from './real-openclaw.ts';
import { http } from './talk.ts';

/** A real OpenClaw on 127.0.0.1:18789, and a command that restarts it alone. Without them this fails, and the runner does not start it. */
const needed = (name: string): string => process.env[name] ?? assert.fail(`This test needs a real OpenClaw: set ${name}.`);
const token = needed('MEGABOT_TEST_OPENCLAW_TOKEN');
const openclaw = createRealOpenClaw({
  url: needed('MEGABOT_TEST_OPENCLAW_URL'), token, telegram: needed('MEGABOT_TEST_TELEGRAM_URL'), restartCommand: needed('MEGABOT_TEST_OPENCLAW_RESTART'),
});
const rounds = process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 200 : 10;

/** Ids that no run before this one used: OpenClaw remembers people. */
const idOf = (n: number): string => String((Math.floor(Date.now() / 100) % 100_000_000) * 10 + n);
const people = [1, 2, 3, 4, 5].map(idOf);
const asking = idOf(6);
const configuration = `
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: [${[...people, asking].map((id) => JSON.stringify(id)).join(', ')}], maxRisk: medium, ratePerMinute: 600 }
`;

interface Bridge {
  readonly state: string;
  readonly address?: string;
  readonly undelivered: readonly unknown[];
}

/** The composed stack behind the real OpenClaw, which listens on the host's loopback and is reached through the relay. */
suite('the composed stack behind a real OpenClaw', () => {
  let running: Stack | undefined;
  const stack = (): Stack => running ?? assert.fail('the stack did not start');
  const bridge = async (): Promise<Bridge> => ((await http(stack(), 'GET', '/api/v1/bridges')).body['bridges'] as [Bridge])[0];
  const connected = async (): Promise<void> => {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const found = await bridge().catch(() => undefined);
      if (found?.state === 'connected') return;
      if (performance.now() > deadline) assert.fail(`the bridge is not connected: ${JSON.stringify(found)}`);
      await sleep(200);
    }
  };

  before(async () => {
    running = await startStack({
      name: 'megabot-e2e-openclaw', egressPrefix: '10.231.92', configuration,
      // What an owner has who never heard of the relay.
      environment: { MEGABOT_HOSTLINK: 'auto', OPENCLAW_URL: 'ws+unix:/run/hostlink/openclaw/18789.sock', OPENCLAW_AUTH_TOKEN: token },
    });
    await openclaw.sent();
  });
  after(async () => await running?.down());

  test('make up sees OpenClaw on the host\'s loopback, starts the relay by itself, and says so and what leaves through the bridge', () => {
    assert.match(stack().printed, /The relay hostlink runs: it passes the host's loopback ports 18789, /);
    assert.match(stack().printed, /127\.0\.0\.1:18789 listens/);
    assert.match(stack().printed, /The bridge to OpenClaw is on: messages .* go through it/);
  });

  test('the bridge is connected through the relay\'s socket', async () => {
    await connected();
    assert.equal((await bridge()).address, 'ws+unix:/run/hostlink/openclaw/18789.sock');
  });

  test('five people are answered, each message once and in order, while the gateway is killed five times, the orchestrator twice and OpenClaw restarted twice', async (t) => {
    await using asker = createAsker(openclaw, stack, asking);
    const restart = (what: string, body: () => Promise<void>) => async (): Promise<void> => {
      await asker.ask();
      const begun = performance.now();
      await body();
      t.diagnostic(`${what} was back after ${Math.round((performance.now() - begun) / 1_000)} s`);
    };
    const gateway = restart('the gateway', async () => {
      await stack().kill('gateway');
      await connected();
    });
    const orchestrator = restart('the orchestrator', async () => {
      await stack().kill('orchestrator');
      await stack().waitHealthy('orchestrator');
    });
    const messenger = restart('OpenClaw', async () => {
      await openclaw.restart();
      await connected();
    });
    const restarts = [gateway, orchestrator, gateway, messenger, gateway, orchestrator, gateway, messenger, gateway];
    const outcome = await throughRestarts({ openclaw, people, rounds, restarts });
    await asker.finished();

    const wrote = outcome.people.flatMap((person) => person.wrote).length;
    const answers = outcome.people.flatMap((person) => person.answered).length;
    t.diagnostic(`${wrote} messages, ${answers} answers, ${outcome.lostByOpenClaw.length} lost by OpenClaw; ${asker.asked.length} commands`);
    if (outcome.lostByOpenClaw.length > 0) t.diagnostic(`lost by OpenClaw: ${outcome.lostByOpenClaw.join(' ')}`);
    for (const person of outcome.people) assert.deepEqual(person.answered, person.wrote.filter((word) => !outcome.lostByOpenClaw.includes(word)), 'once each, and in order');
    assert.ok(outcome.lostByOpenClaw.length <= wrote / 10, `OpenClaw lost more than restarts explain: ${outcome.lostByOpenClaw.join(' ')}`);

    const announced = await asker.announced();
    assert.equal(announced.length, asker.asked.length, 'each approval was announced');
    assert.equal(new Set(announced).size, announced.length, 'and once');
    const answered = await asker.answers();
    // Each answer lists what all commands so far have written.
    const lines = answered.map((text) => text.match(/(?<=^|<code>)line\d+$/gm));
    assert.deepEqual(lines, asker.asked.map((_, index) => asker.asked.slice(0, index + 1)), `each command ran once and was answered once: ${JSON.stringify(answered)}`);
  });

  test('in the end nothing is undelivered', async () => {
    await connected();
    assert.deepEqual((await bridge()).undelivered, []);
  });
});
