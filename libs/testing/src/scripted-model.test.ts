import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startScriptedModel, type ScriptedModel } from './scripted-model.ts';
import { scriptedReply } from './scripted-model-script.ts';

const user = (text: string) => ({ role: 'user', text });
const tool = (text: string) => ({ role: 'tool', text });
const calls = (...list: readonly (readonly [name: string, input: object])[]) => ({
  kind: 'calls',
  calls: list.map(([name, input]) => ({ name, arguments: JSON.stringify(input) })),
});

const script: readonly (readonly [string, ReturnType<typeof user>[], object])[] = [
  ['echoes', [user('  hello  ')], { kind: 'text', text: 'echo: hello' }],
  ['echoes at most 200 characters', [user('x'.repeat(300))], { kind: 'text', text: `echo: ${'x'.repeat(200)}` }],
  ['echoes nothing to nothing', [], { kind: 'text', text: 'echo: ' }],
  ['runs a command', [user('please RUN: ls -l | wc')], calls(['shell', { command: 'ls -l | wc' }])],
  ['runs two commands', [user('TWO:echo a;;echo b')], calls(['shell', { command: 'echo a' }], ['shell', { command: 'echo b' }])],
  ['writes a file', [user('FILE:a/b.txt=x = 1\ny')], calls(['write_file', { path: 'a/b.txt', content: 'x = 1\ny' }])],
  ['remembers', [user('REMEMBER:tea, no milk')], calls(['remember', { text: 'tea, no milk' }])],
  ['recalls', [user('RECALL:tea')], calls(['recall', { query: 'tea' }])],
  ['calls a tool nobody offered', [user('UNKNOWNTOOL:x')], calls(['no_such_tool', { input: 'x' }])],
  ['writes arguments that are no JSON', [user('BAD:ls')], { kind: 'calls', calls: [{ name: 'shell', arguments: '{"command": "ls' }] }],
  ['is slow', [user('SLOW:250')], { kind: 'slow', ms: 250 }],
  ['hangs', [user('HANG:')], { kind: 'hang' }],
  ['cuts', [user('CUT:')], { kind: 'cut' }],
  ['fails', [user('FAIL:503')], { kind: 'fail', status: 503 }],
  ['repeats a tool result', [user('RUN:ls'), tool(' files \n')], { kind: 'text', text: 'tool said: files' }],
  ['repeats all new results', [user('TWO:a;;b'), tool('one'), tool('two')], { kind: 'text', text: 'tool said: one\ntwo' }],
  ['repeats at most 400 characters', [user('RUN:x'), tool('y'.repeat(500))], { kind: 'text', text: `tool said: ${'y'.repeat(400)}` }],
  ['goes by the newest user text', [user('RUN:ls'), tool('files'), user('thanks')], { kind: 'text', text: 'echo: thanks' }],
  ['tells the history', [user('one'), tool('x'), user('HISTORY:')], { kind: 'text', text: 'history: 3 messages; user: ["one","HISTORY:"]' }],
];

describe('the script', () => {
  for (const [promise, messages, expected] of script) {
    test(promise, () => assert.deepEqual(scriptedReply(messages), expected));
  }
});

describe('the scripted model', () => {
  let model: ScriptedModel;
  before(async () => {
    model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  });
  after(async () => await model.close());

  const post = async (path: string, body: object) =>
    await fetch(model.url + path, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(5000) });
  const chat = async (path: string, content: string, more: object = {}) =>
    await post(path, { model: 'scripted', messages: [{ role: 'user', content }], ...more });
  const eventsOf = (text: string): { choices: { delta: { content?: string } }[] }[] =>
    text.split('\n\n').filter((part) => part !== '' && part !== 'data: [DONE]').map((part) => JSON.parse(part.slice(6)));

  test('streams server-sent events that end in [DONE]', async () => {
    const response = await chat('/v1/chat/completions', 'a text that takes several chunks', { stream: true });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const text = await response.text();
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    const deltas = eventsOf(text).map((event) => event.choices[0]?.delta.content ?? '');
    assert.ok(deltas.filter((delta) => delta !== '').length > 1);
    assert.equal(deltas.join(''), 'echo: a text that takes several chunks');
  });

  test('answers whole where no stream is asked for', async () => {
    const openai = (await (await chat('/v1/chat/completions', 'RUN:ls')).json()) as { choices: { message: object; finish_reason: string }[] };
    assert.deepEqual(openai.choices[0], {
      index: 0,
      message: {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'call_0', type: 'function', function: { name: 'shell', arguments: '{"command":"ls"}' } }],
      },
      finish_reason: 'tool_calls',
    });
    const ollama = (await (await chat('/api/chat', 'RUN:ls', { stream: false })).json()) as { message: object; done: boolean };
    assert.deepEqual(ollama.message, {
      role: 'assistant',
      content: '',
      tool_calls: [{ function: { name: 'shell', arguments: { command: 'ls' } } }],
    });
    assert.equal(ollama.done, true);
  });

  test('streams one JSON object a line over the native API, the last one done', async () => {
    const text = await (await chat('/api/chat', 'hello')).text();
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as { message: { content: string }; done: boolean });
    assert.equal(lines.map((line) => line.message.content).join(''), 'echo: hello');
    assert.deepEqual(lines.map((line) => line.done), [...lines.slice(1).map(() => false), true]);
  });

  test('reads a user text that comes in parts', async () => {
    const parts = [{ type: 'text', text: 'hel' }, { type: 'text', text: 'lo' }];
    const response = await post('/v1/chat/completions', { model: 'scripted', messages: [{ role: 'user', content: parts }] });
    assert.match(await response.text(), /echo: hello/);
  });

  for (const path of ['/v1/chat/completions', '/api/chat']) {
    test(`fails, cuts and hangs as told on ${path}`, async () => {
      assert.equal((await chat(path, 'FAIL:429', { stream: true })).status, 429);
      const cut = await chat(path, 'CUT:', { stream: true });
      assert.equal(cut.status, 200);
      await assert.rejects(cut.text());
      const hung = await fetch(model.url + path, {
        method: 'POST',
        body: JSON.stringify({ model: 'scripted', stream: true, messages: [{ role: 'user', content: 'HANG:' }] }),
        signal: AbortSignal.timeout(150),
      });
      assert.equal(hung.status, 200);
      await assert.rejects(hung.text(), { name: 'TimeoutError' });
    });

    test(`knows no other model on ${path}`, async () => {
      assert.equal((await post(path, { model: 'other', messages: [] })).status, 404);
    });
  }

  test('lists its models, and says of one that it runs elsewhere', async () => {
    const tags = (await (await fetch(`${model.url}/api/tags`)).json()) as { models: { name: string; remote_host?: string }[] };
    assert.deepEqual(tags.models.map((entry) => [entry.name, entry.remote_host !== undefined]), [
      ['scripted:latest', false],
      ['scripted-alias:latest', true],
    ]);
    const shown = async (name: string) => (await (await post('/api/show', { model: name })).json()) as { remote_host?: string };
    assert.equal((await shown('scripted')).remote_host, undefined);
    assert.equal((await shown('scripted-alias')).remote_host, 'https://ollama.com:443');
    const list = (await (await fetch(`${model.url}/v1/models`)).json()) as { data: { id: string }[] };
    assert.deepEqual(list.data.map((entry) => entry.id), ['scripted']);
  });

  test('keeps what it was asked, and tells it over HTTP too', async () => {
    await chat('/api/chat', 'keep this');
    const last = model.requests().at(-1);
    assert.equal(last?.path, '/api/chat');
    assert.match(JSON.stringify(last?.body), /keep this/);
    assert.match(await (await fetch(`${model.url}/scripted/requests`)).text(), /keep this/);
  });

  test('answers nonsense with 400', async () => {
    for (const body of ['{', '{"model":"scripted"}', '"text"']) {
      const response = await fetch(`${model.url}/v1/chat/completions`, { method: 'POST', body });
      assert.ok([400, 404].includes(response.status), body);
    }
  });
});

test('runs as a process that stops on SIGTERM', async () => {
  const main = fileURLToPath(new URL('./scripted-model-main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--host', '127.0.0.1', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0];
    assert.equal((await fetch(`${url}/api/version`)).status, 200);
  } finally {
    child.kill('SIGTERM');
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0);
});
