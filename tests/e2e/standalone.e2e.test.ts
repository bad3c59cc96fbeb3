import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { startScriptedModel, type ScriptedModel } from '@megabot/testing/scripted-model.ts';
import { freePorts } from '@megabot/testing/ports.ts';
import { execute, repository } from '@megabot/testing/stack.ts';
import { httpRoutes, signIn } from './http-doors.ts';
import { mainFlow } from './main-flow.ts';
import { resuming } from './resume.ts';
import { messagesOf, openTalk, type Doors } from './talk.ts';

/** A MegaBot of one process, started by `make up`'s own script as on a machine that has nothing but Node. */
interface Standalone {
  readonly process: ChildProcess;
  readonly printed: () => string;
  /** Ctrl-C. Resolves with the exit code. */
  interrupt(): Promise<number | null>;
}

suite('standalone', () => {
  let home: string;
  let model: ScriptedModel;
  let environment: NodeJS.ProcessEnv;
  let running: Standalone | undefined;
  let doors: Doors;

  const start = async (): Promise<Standalone> => {
    const child = spawn('infra/host/up.sh', [], { cwd: repository, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
    while (!printed.includes('#code=')) {
      const [event] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => ['exit'])])) as [unknown];
      if (event === 'exit') throw new Error(`standalone ended: ${printed}`);
    }
    running = {
      process: child,
      printed: () => printed,
      async interrupt() {
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        const [code] = (await ended) as [number | null];
        running = undefined;
        return code;
      },
    };
    return running;
  };

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'megabot-standalone-'));
    model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
    const [http, ui, ws] = await freePorts(3);
    environment = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      MEGABOT_MODE: 'standalone',
      MEGABOT_HOME: home,
      MEGABOT_PORT: String(http),
      MEGABOT_UI_PORT: String(ui),
      MEGABOT_WS_PORT: String(ws),
      MEGABOT_MODEL_URL: `${model.url}/v1`,
      MEGABOT_MODEL: 'scripted',
      MEGABOT_MODEL_IDLE_SECONDS: '3',
    };
    await start();
    const secret = async (name: string): Promise<string> => (await readFile(join(home, 'secrets', name), 'utf8')).trim();
    doors = {
      httpUrl: `http://127.0.0.1:${http}`, uiUrl: `http://127.0.0.1:${ui}`, wsUrl: `ws://127.0.0.1:${ws}`,
      token: await secret('auth_token'), password: await secret('ws_password'),
    };
  });
  after(async () => {
    await running?.interrupt();
    await model.close();
    await rm(home, { recursive: true, force: true });
  });

  test('says in one paragraph what it is and what differs, and prints the three addresses', () => {
    const printed = running!.printed();
    assert.match(printed, /runs standalone.*\n.*simulated shell.*\n.*power cut may lose acknowledged messages/);
    for (const address of [doors.uiUrl, doors.httpUrl, doors.wsUrl]) assert.ok(printed.includes(address), address);
    assert.ok(!printed.includes(doors.token) && !printed.includes(doors.password));
  });

  mainFlow(() => doors, { simulated: true });
  resuming(() => doors);
  httpRoutes(() => doors);
  signIn(() => doors, async () => /http\S+#code=\S+/.exec(running?.printed() ?? '')?.[0] ?? '');

  test('a second process is kept from the same data, and is told by whom', async () => {
    const [http, ui, ws] = await freePorts(3);
    const { code, stderr } = await execute('infra/host/up.sh', [], { ...environment, MEGABOT_PORT: String(http), MEGABOT_UI_PORT: String(ui), MEGABOT_WS_PORT: String(ws) });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${running!.process.pid}`));
  });

  test('Ctrl-C stops it cleanly while an approval is pending; started again, everything is there and the approval still counts', async () => {
    const talk = await openTalk(doors);
    await talk.ask('remember this conversation');
    const turnId = await talk.say('RUN: echo x >> n; wc -l < n');
    const [approval] = await talk.approvals(turnId);
    assert.equal(await running!.interrupt(), 0);

    await start();
    const texts = (await messagesOf(doors, talk.conversation)).map((message) => message.text);
    assert.deepEqual(texts, ['remember this conversation', 'echo: remember this conversation', 'RUN: echo x >> n; wc -l < n']);
    const again = await openTalk(doors, { conversation: talk.conversation });
    again.decide(approval!.id, 'approve');
    assert.match((await again.final(turnId)).text, /exit code 0/);
    assert.match((await again.approved('!run cat n | wc -l')).text, /^\s*1$/m);
    await again.close();
  });
});
