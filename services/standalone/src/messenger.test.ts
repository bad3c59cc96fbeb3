import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startScriptedGateway, type ScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { startScriptedModel, type ScriptedModel } from '@megabot/testing/scripted-model.ts';
import { createStandalone } from './app.ts';

const authToken = 'shared-token-of-the-gateway';
const token = 'an-owner-token-of-enough-characters';
const configuration = `
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: ["1001", "1002"], admins: ["1001"], ratePerMinute: 30 }
`;

/** A whole MegaBot in one process behind a scripted OpenClaw: what people on a messenger get to see. */
suite('people behind a messenger', () => {
  let home: string;
  let openclaw: ScriptedGateway;
  let model: ScriptedModel;
  let megabot: Awaited<ReturnType<typeof createStandalone>>;
  let base: string;

  const start = async (): Promise<void> => {
    const free = 20_000 + Math.floor(Math.random() * 20_000);
    megabot = await createStandalone(
      {
        bind: '127.0.0.1', ports: { http: free, ui: free + 1, ws: free + 2 }, folders: { data: join(home, 'data'), config: join(home, 'config'), secrets: join(home, 'secrets') },
        token, wsPassword: 'a password', publicOrigins: [], model: { url: `${model.url}/v1`, name: undefined, apiKey: undefined, idleMs: 10_000 },
        openclaw: { url: openclaw.url, authToken }, logLevel: 'fatal',
      },
      silentLogger(),
    );
    base = `http://127.0.0.1:${free}`;
  };
  const get = async (path: string): Promise<Record<string, unknown>> => (await (await fetch(base + path, { headers: { authorization: `Bearer ${token}` } })).json()) as Record<string, unknown>;
  const heard = (to: string): string[] => openclaw.sent.filter((sent) => sent.to === to).map(({ text }) => text);
  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 1_200; tries++) {
      if (await holds()) return;
      await delay(25);
    }
    assert.fail(`${what} did not come; sent so far: ${JSON.stringify(openclaw.sent.map(({ to, text }) => [to, text.slice(0, 200)]))}`);
  };
  const hears = async (to: string, pattern: RegExp): Promise<string> => {
    await until(`${to} hears ${String(pattern)}`, () => heard(to).some((text) => pattern.test(text)));
    return heard(to).find((text) => pattern.test(text)) ?? '';
  };

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'megabot-messenger-'));
    await mkdir(join(home, 'config'));
    await writeFile(join(home, 'config', 'meta-config.yaml'), configuration);
    openclaw = await startScriptedGateway({ authToken });
    model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
    await start();
    await until('the bridge', async () => ((await get('/health'))['bridges'] as { openclaw?: { state: string } }).openclaw?.state === 'connected');
  });
  after(async () => {
    await megabot.close();
    await openclaw[Symbol.asyncDispose]();
    await model.close();
    await rm(home, { recursive: true });
  });

  test('somebody who is listed is answered, in their own chat alone', async () => {
    openclaw.receive({ text: 'good day', from: '1001', name: 'Ann' });
    await hears('1001', /good day/);
    assert.deepEqual(heard('1002'), []);
  });

  test('two people share no conversation', async () => {
    openclaw.receive({ text: 'for the second', from: '1002', name: 'Bob' });
    await hears('1002', /for the second/);
    const { conversations } = await get('/api/v1/conversations') as { conversations: { title: string }[] };
    assert.deepEqual(conversations.map(({ title }) => title).filter((title) => title.startsWith('telegram')).toSorted(), ['telegram: Ann', 'telegram: Bob']);
  });

  test('a stranger is told once and not answered', async () => {
    for (let n = 0; n < 3; n++) openclaw.receive({ text: `secret ${n}`, from: '6666', name: 'Mallory' });
    await hears('6666', /private assistant/);
    openclaw.receive({ text: 'after', from: '1002', name: 'Bob' });
    await hears('1002', /after/);
    assert.equal(heard('6666').length, 1);
  });

  test('a proposal of theirs is announced with its command and how to decide, and nobody decides it without a code', async () => {
    openclaw.receive({ text: '!run ls -l', from: '1001', name: 'Ann' });
    const announced = await hears('1001', /^Approval \w+: run this command\?\nls -l\n/);
    const id = /^Approval (\w+)/.exec(announced)?.[1] ?? '';
    assert.match(announced, /!approve \w+ <code>/);
    openclaw.receive({ text: `!approve ${id}`, from: '1001', name: 'Ann' });
    openclaw.receive({ text: `!approve ${id} 123456`, from: '1002', name: 'Bob' });
    await hears('1002', /may not|not entitled|cannot/i);
    const { approvals } = await get('/api/v1/approvals?status=pending') as { approvals: { shortId: string }[] };
    assert.ok(approvals.some(({ shortId }) => shortId === id), 'it still waits');
  });

  test('rules and locks are not for them', async () => {
    for (const text of ['!allow ls', '!deny *', '!unlock']) openclaw.receive({ text, from: '1002', name: 'Bob' });
    openclaw.receive({ text: 'end of rules', from: '1002', name: 'Bob' });
    await hears('1002', /end of rules/);
    const policy = await get('/api/v1/policy');
    assert.deepEqual([policy['allow'], policy['deny'], policy['lockdown']], [[], [], false]);
  });

  test('what is answered while OpenClaw is away arrives when it is back, once', async () => {
    openclaw.receive({ text: 'over the gap', from: '1001', name: 'Ann' });
    openclaw.restart();
    await hears('1001', /over the gap/);
    await delay(300);
    assert.equal(heard('1001').filter((text) => text.includes('over the gap')).length, 1);
  });

  test('a MegaBot that was killed between taking and answering answers after its start', async () => {
    openclaw.receive({ text: 'across the restart', from: '1002', name: 'Bob' });
    await delay(20);
    await megabot.close();
    openclaw.receive({ text: 'while you were away', from: '1002', name: 'Bob' });
    await start();
    await hears('1002', /across the restart/);
    await hears('1002', /while you were away/);
    const said = heard('1002').map((text) => text.trim());
    assert.equal(new Set(said).size, said.length, 'nothing was said twice');
  });
});
