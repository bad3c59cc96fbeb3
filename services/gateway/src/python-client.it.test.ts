import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { events } from '@megabot/contracts/events.ts';
import { makeApproval } from './testing/fake-services.ts';
import { startTestGateway, testPassword, testToken, type TestGateway } from './testing/test-gateway.ts';

const client = fileURLToPath(new URL('../../../tests/e2e/python-client/client.py', import.meta.url));
const python = '/usr/bin/python3';
const skip = spawnSync(python, ['-c', 'import websockets, cryptography']).status === 0 ? false : "needs Debian's python3-websockets and python3-cryptography";

type Frame = Record<string, unknown> & { type: string };

/** Runs the client and gives its frames and exit code. `onFrame` hears each frame as it is printed. */
async function run(megabot: TestGateway, args: string[], options: { token?: string; password?: string; onFrame?: (frame: Frame) => void } = {}): Promise<{ frames: Frame[]; code: number; errors: string }> {
  const env = { PATH: '/usr/bin:/bin', MEGABOT_URL: `ws://127.0.0.1:${megabot.gateway.wsPort}`, MEGABOT_AUTH_TOKEN: options.token ?? testToken, MEGABOT_WS_PASSWORD: options.password ?? testPassword };
  const child = spawn(python, [client, '--timeout', '30', ...args], { env });
  const frames: Frame[] = [];
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const frame = JSON.parse(text.slice(0, end)) as Frame;
      text = text.slice(end + 1);
      frames.push(frame);
      options.onFrame?.(frame);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (more: string) => (errors += more));
  const [code] = (await once(child, 'close')) as [number];
  return { frames, code, errors };
}

for (const [name, wsPassword] of [['encrypted', testPassword], ['clear', '']] as const) {
  test(`${name}: a client in another language, written from the document alone, says something, approves it and gets output and answer`, { skip }, async () => {
    await using megabot = await startTestGateway({ wsPassword });
    const { memoryBus, interlockBus, sandboxBus, approvals } = megabot.fakes;
    let turnId = '';
    const goOn = async (frame: Frame): Promise<void> => {
      const where = { conversation: 'default', turnId };
      if (frame.type === 'accepted') {
        turnId = String(frame['turnId']);
        const approval = makeApproval({ turnId, command: 'ls' });
        approvals.set(approval.id, approval);
        await interlockBus.publish(events.approval, { conversation: 'default', approval });
      }
      if (frame.type === 'decided') {
        await sandboxBus.publish(events.output, { ...where, runId: 'r1', stream: 'stdout', index: 0, chunk: 'ein Käfer\n' });
        await memoryBus.publish(events.final, { ...where, messageId: 'm2', text: 'done', status: 'done' });
      }
    };
    const { frames, code, errors } = await run(megabot, ['chat', '!run ls', '--decide', 'approve'], { password: wsPassword, onFrame: (frame) => void goOn(frame) });
    assert.equal(code, 0, errors);
    assert.deepEqual(frames.map(({ type }) => type).filter((type) => type !== 'notice'), ['welcome', 'accepted', 'approval', 'decided', 'run', 'final']);
    assert.equal(frames.find(({ type }) => type === 'run')?.['chunk'], 'ein Käfer\n');
    assert.equal(megabot.fakes.decisions[0]?.actor.channel, 'native');
  });
}

for (const how of ['replay', 'reorder', 'plaintext', 'garbage'] as const) {
  test(`${how} ends with close code 4400`, { skip }, async () => {
    await using megabot = await startTestGateway();
    const { frames, code } = await run(megabot, ['violate', how]);
    assert.deepEqual([code, frames.at(-1)?.['code']], [3, 4400]);
  });
}

test('a wrong token is closed with 4401, and the client believes no server that lacks it', { skip }, async () => {
  await using megabot = await startTestGateway();
  const { frames, code } = await run(megabot, ['chat', 'hello'], { token: 'another-token-of-enough-characters' });
  assert.deepEqual([code, frames.at(-1)?.['code']], [3, 4401]);
});

test('a client with a password refuses a server that does not encrypt', { skip }, async () => {
  await using megabot = await startTestGateway({ wsPassword: '' });
  const { code, errors } = await run(megabot, ['chat', 'hello']);
  assert.equal(code, 4);
  assert.match(errors, /less encryption/);
});

test('what was missed comes back', { skip }, async () => {
  await using megabot = await startTestGateway();
  for (const index of [1, 2, 3]) await megabot.fakes.orchestratorBus.publish(events.delta, { conversation: 'default', turnId: 't', attempt: 1, index, text: String(index) });
  const first = await run(megabot, ['listen', '--seconds', '0.1']);
  const { frames, code } = await run(megabot, ['resume', '--since', '1', '--epoch', String(first.frames[0]?.['epoch'])]);
  assert.equal(code, 0);
  assert.deepEqual(frames.slice(1).map((frame) => frame['seq']), [2, 3]);
});

test("the document's worked example is right", { skip }, async () => {
  await using megabot = await startTestGateway();
  const { frames, code } = await run(megabot, ['vector', fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url))]);
  assert.deepEqual([code, frames[0]?.['wrong']], [0, []]);
});
