import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import { execute, type Executed, type Stack } from '@megabot/testing/stack.ts';
import { newConversation } from './talk.ts';

const python = '/usr/bin/python3';
const client = fileURLToPath(new URL('./python-client/client.py', import.meta.url));
const present = spawnSync(python, ['-c', 'import websockets, cryptography']).status === 0;

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };
const framesOf = ({ stdout }: Executed): Frame[] => stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Frame);

/** The client in another language, written only from docs/protocol.md, with encryption on. */
export function pythonClient(stack: () => Stack): void {
  suite('the Python client', { skip: present ? false : `${python} has no websockets and cryptography (Debian: python3-websockets, python3-cryptography)` }, () => {
    const run = async (args: readonly string[], token = stack().token) =>
      await execute(python, [client, '--timeout', '90', ...args], { PATH: process.env['PATH'], MEGABOT_URL: stack().wsUrl, MEGABOT_AUTH_TOKEN: token, MEGABOT_WS_PASSWORD: stack().password });

    test('sends a message, sees the approval, decides, sees the output and the answer', async () => {
      const word = uniqueWord();
      const done = await run(['chat', `RUN: echo ${word}`, '--decide', 'approve', '--conversation', await newConversation(stack())]);
      assert.equal(done.code, 0, done.stderr);
      const frames = framesOf(done);
      const types = frames.map((frame) => frame.type);
      assert.equal(types[0], 'welcome');
      for (const type of ['accepted', 'approval', 'decided', 'run', 'final']) assert.ok(types.includes(type), type);
      const printed = frames.filter((frame) => frame.type === 'run' && frame['stream'] === 'stdout').map((frame) => frame['chunk']).join('');
      assert.equal(printed, `${word}\n`);
      assert.match(String(frames.at(-1)?.['text']), new RegExp(`exit code 0.*${word}`, 's'));
    });

    test('rejects, and nothing runs', async () => {
      const frames = framesOf(await run(['chat', '!run echo no', '--decide', 'reject', '--conversation', await newConversation(stack())]));
      assert.ok(!frames.some((frame) => frame.type === 'run'));
      assert.match(String(frames.at(-1)?.['text']), /Rejected by owner/);
    });

    test('comes back when the gateway is killed in the middle of an answer, and gets all of it', async () => {
      const conversation = await newConversation(stack());
      const chatting = run(['chat', 'SLOW: 3000', '--conversation', conversation, '--reconnect', '60']);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await stack().kill('gateway');
      const done = await chatting;
      await stack().waitHealthy('gateway');
      assert.equal(done.code, 0, done.stderr);
      const frames = framesOf(done);
      assert.ok(frames.filter((frame) => frame.type === 'welcome').length > 1);
      assert.match(String(frames.at(-1)?.['text']), /slow 10 of 10/);
    });

    test('with a wrong token is closed with 4401 and learns nothing', async () => {
      const done = await run(['chat', 'hello'], 'another-token-of-enough-characters');
      assert.equal(done.code, 3);
      assert.deepEqual(framesOf(done).map((frame) => [frame.type, frame['code']]), [['closed', 4401]]);
    });

    for (const [how, code] of [['replay', 4400], ['reorder', 4400], ['plaintext', 4400], ['garbage', 4400]] as const) {
      test(`that breaks the channel by ${how} is closed with ${code}`, async () => {
        assert.equal(framesOf(await run(['violate', how])).at(-1)?.['code'], code);
      });
    }
  });
}
