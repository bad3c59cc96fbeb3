import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { ping } from '@megabot/contracts/endpoints/orchestrator.ts';
import { ModelError } from './model/port.ts';
import { startOrchestrator, toolCall, until, type Harness } from './testing/harness.ts';

describe('a model that cannot be used', () => {
  let o: Harness;
  let stop = async (): Promise<void> => undefined;
  afterEach(async () => {
    await o.close();
    await stop();
    stop = async () => undefined;
  });
  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stop = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`;
  };
  const startWith = async (url: string, more: { idleTimeoutMs?: number } = {}) => {
    o = await startOrchestrator({ realModel: true, model: { url, name: 'm', ...more } });
  };
  const stillWorks = /`!run <command>`, approvals and memory keep working/;

  it('because nothing listens: the address that was tried, and what to do', async () => {
    await startWith('http://127.0.0.1:9');
    const { status, text } = await o.ask('hello');
    assert.equal(status, 'failed');
    assert.match(text, /127\.0\.0\.1:9/);
    assert.match(text, /MEGABOT_MODEL_URL/);
    assert.match(text, stillWorks);
  });

  it('because nothing is configured: the default address was tried', async () => {
    o = await startOrchestrator({ realModel: true, model: { defaultUrl: 'http://127.0.0.1:9' } });
    await o.interlock.configure({ localOnly: true, url: null, name: null, allowedHosts: [], contextTokens: 4_096 });
    const { text } = await o.ask('hello');
    assert.match(text, /127\.0\.0\.1:9/);
    const health = await o.gateway.call(ping, {});
    assert.deepEqual([health.ok, health.model.configured, health.model.reachable, health.model.address], [true, false, false, 'http://127.0.0.1:9']);
  });

  it('because its address is public and only local ones are allowed', async () => {
    await startWith('http://8.8.8.8/v1');
    const { status, text } = await o.ask('hello');
    assert.equal(status, 'failed');
    assert.match(text, /8\.8\.8\.8/);
    assert.match(text, stillWorks);
  });

  it('because it answers with an error', async () => {
    await startWith(await serve((_, response) => response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"scripted failure"}}')));
    const { status, text } = await o.ask('hello');
    assert.equal(status, 'failed');
    assert.match(text, /503.*scripted failure/);
    assert.match(text, stillWorks);
  });

  it('because it breaks off: what had come stays in the answer', async () => {
    await startWith(
      await serve((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Half an"},"finish_reason":null}]}\n\n', () => setTimeout(() => response.destroy(), 20));
      }),
    );
    const { status, text } = await o.ask('hello');
    assert.equal(status, 'failed');
    assert.match(text, /^Half an\n\n\(The answer breaks off here\.\) The model could not answer\./);
  });

  it('because it hangs: given up after the idle time', async () => {
    await startWith(await serve((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()), { idleTimeoutMs: 100 });
    const { status, text } = await o.ask('hello');
    assert.equal(status, 'failed');
    assert.match(text, /sent nothing for 0\.1 seconds/);
  });

  it('because its address is no address: no credential in it is repeated', async () => {
    for (const url of ['http://user:hunter2@127.0.0.1:9', 'not a url hunter2', 'ftp://hunter2.example']) {
      await startWith(url);
      const { status, text } = await o.ask('hello');
      assert.equal(status, 'failed');
      assert.match(text, /address of the model server cannot be used/);
      assert.doesNotMatch(text, /hunter2/);
      assert.doesNotMatch(JSON.stringify(await o.gateway.call(ping, {})), /hunter2/);
      await o.close();
    }
    await startWith('http://127.0.0.1:9');
  });

  it('in the middle of a turn: what was said before stays', async () => {
    o = await startOrchestrator();
    o.says((_, count) => {
      if (count === 1) return { text: 'Let me look.', toolCalls: [toolCall('recall', { query: 'x' })] };
      throw new ModelError('unreachable', 'No model server answers at http://gone.', { hint: 'Start it.' });
    });
    const { text } = await o.ask('hello');
    assert.match(text, /^Let me look\.\n\n.*No model server answers at http:\/\/gone\. Start it\./s);
  });

  it('does not keep a !run from working', async () => {
    await startWith('http://127.0.0.1:9');
    const turnId = await o.memory.send('!run ls', { kind: 'run', command: 'ls' });
    await o.waiting(turnId);
    await o.interlock.ran(`${turnId}:0:0`, { output: 'file' });
    assert.match((await o.ended(turnId)).text, /file/);
  });
});

describe('the settings of the model', () => {
  let o: Harness;
  afterEach(async () => await o.close());
  const settings = { localOnly: false, url: 'http://from-config', name: 'config-model', allowedHosts: ['h'], contextTokens: 4_096 };

  it('come from the interlock, and are read again when it says that they changed', async () => {
    o = await startOrchestrator();
    await o.interlock.configure(settings);
    await o.ask('one');
    assert.deepEqual(o.opened.at(-1), { url: 'http://from-config', model: 'config-model', localOnly: false, allowedHosts: ['h'], contextTokens: 4_096, idleTimeoutMs: 60_000 });
    await o.ask('two');
    const before = o.opened.length;
    await o.interlock.configure({ ...settings, name: 'other' });
    await o.ask('three');
    assert.equal(o.opened.length, before + 1);
    assert.equal(o.opened.at(-1)?.model, 'other');
    assert.deepEqual(o.closed, ['http://from-config']);
  });

  it('of the environment win', async () => {
    o = await startOrchestrator({ model: { url: 'http://from-env', name: 'env-model', apiKey: 'k' } });
    await o.interlock.configure(settings);
    await o.ask('one');
    const opened = o.opened.at(-1);
    assert.deepEqual([opened?.url, opened?.model, opened?.apiKey, opened?.localOnly], ['http://from-env', 'env-model', 'k', false]);
  });

  it('allow private addresses only while the interlock cannot be asked', async () => {
    o = await startOrchestrator({ model: { url: 'http://from-env' } });
    await o.interlock.configure(undefined);
    await o.ask('one');
    assert.equal(o.opened.at(-1)?.localOnly, true);
    await o.interlock.configure(settings);
    await o.ask('two');
    assert.equal(o.opened.at(-1)?.localOnly, false);
    await o.interlock.configure(undefined);
    await o.ask('three');
    assert.equal(o.opened.at(-1)?.localOnly, true);
  });

  it('that change while a model answers do not break its answer', async () => {
    o = await startOrchestrator();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    o.says(async (_, count) => {
      if (count === 1) await held;
      return { text: `answer ${count}` };
    });
    const first = await o.memory.send('one');
    await until(() => o.requests.length === 1, 'the first request');
    await o.interlock.configure(settings);
    await o.ask('two');
    assert.deepEqual(o.closed, []);
    release();
    assert.equal((await o.ended(first)).text, 'answer 1');
    await until(() => o.closed.length === 1, 'the old driver closed');
  });
});
