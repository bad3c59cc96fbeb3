import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startWhole, type Json, type Whole } from './testing/whole.ts';

type ToolCall = { name: string; arguments: object };

/** A model that calls the tools it was told to, once, and then repeats their results. */
async function startCaller(): Promise<{ server: Server; url: string; calls: ToolCall[] }> {
  const caller = { calls: [] as ToolCall[], url: '', server: createServer() };
  caller.server.on('request', (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.method === 'GET') return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', data: [{ id: 'caller', object: 'model' }] }));
      const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] };
      const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => content);
      const tool_calls = results.length > 0 ? undefined : caller.calls.map((call, index) => ({ index, id: `c${index}`, type: 'function', function: { name: call.name, arguments: JSON.stringify(call.arguments) } }));
      const chunk = (delta: object, finish: string | null) => response.write(`data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'caller', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      chunk({ role: 'assistant', ...(tool_calls ? { tool_calls } : { content: results.join(' | ') }) }, null);
      chunk({}, tool_calls ? 'tool_calls' : 'stop');
      return response.end('data: [DONE]\n\n');
    });
  });
  await new Promise<void>((resolve) => caller.server.listen(0, '127.0.0.1', resolve));
  caller.url = `http://127.0.0.1:${(caller.server.address() as AddressInfo).port}/v1`;
  return caller;
}

suite('every kind of action, with every service behind it', () => {
  let caller: Awaited<ReturnType<typeof startCaller>>;
  let megabot: Whole;

  const call: Whole['call'] = async (...request) => await megabot.call(...request);
  const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
    for (let tries = 0; tries < 1_200; tries++) {
      const found = await look();
      if (found !== undefined) return found;
      await delay(25);
    }
    throw new Error(`waited in vain: ${what}`);
  };
  const approve = async (id: string): Promise<Json> => {
    const { json, status } = await call('POST', `/api/v1/approvals/${id}`, { decision: 'approve' });
    assert.equal(status, 200, JSON.stringify(json));
    return await until('the run', async () => {
      const run = (await call('GET', `/api/v1/runs/${String(json['runId'])}`)).json;
      return run['status'] === 'due' || run['status'] === 'running' ? undefined : run;
    });
  };
  const propose = async (action: object): Promise<Json> => {
    const { json, status } = await call('POST', '/api/v1/actions', action);
    assert.equal(status, 202, JSON.stringify(json));
    return (await call('GET', `/api/v1/approvals/${String(json['approvalId'])}`)).json;
  };

  before(async () => {
    caller = await startCaller();
    megabot = await startWhole({ configuration: 'local_only: false\n', model: { url: caller.url, name: 'caller' } });
  });
  after(async () => {
    await megabot[Symbol.asyncDispose]();
    caller.server.closeAllConnections();
    caller.server.close();
  });

  test('files are written, moved and deleted with a diff, and found as they were left', async () => {
    const written = await propose({ kind: 'file_write', files: [{ path: 'a.txt', content: 'one\n' }] });
    assert.equal(written['diff'], '--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1,1 @@\n+one\n');
    assert.deepEqual([(await approve(String(written['id'])))['output']], ['wrote a.txt (4 bytes)\n']);
    const changed = await propose({ kind: 'file_write', files: [{ path: 'a.txt', content: 'two\n' }] });
    assert.match(String(changed['diff']), /-one\n\+two/);
    assert.equal((await approve(String(changed['id'])))['status'], 'exited');
    const moved = await propose({ kind: 'file_move', from: 'a.txt', to: 'deep/b.txt' });
    assert.equal((await approve(String(moved['id'])))['output'], 'moved a.txt to deep/b.txt\n');
    assert.equal((await approve(String((await propose({ kind: 'shell', command: 'cat deep/b.txt' }))['id'])))['output'], 'two\n');
    assert.equal((await approve(String((await propose({ kind: 'file_delete', paths: ['deep/b.txt'] }))['id'])))['output'], 'deleted deep/b.txt\n');
    const gone = await call('POST', '/api/v1/actions', { kind: 'file_delete', paths: ['deep/b.txt'] });
    assert.equal(gone.status, 403);
    assert.match(JSON.stringify(gone.json), /no file deep/);
  });

  test('what the model proposes beyond files is approved, permitted and executed by the service whose it is', async () => {
    const { json: kept } = await call('POST', '/api/v1/memory', { items: [{ text: 'the cat is Miso' }, { text: 'the dog is Rex' }] });
    const [miso = ''] = kept['ids'] as string[];
    caller.calls = [{ name: 'forget', arguments: { ids: [miso] } }, { name: 'web_request', arguments: { url: caller.url } }];
    const { json: said } = await call('POST', '/api/v1/conversations/default/messages', { text: 'go', idempotencyKey: randomUUID() });
    const pending = await until('both approvals', async () => {
      const approvals = (await call('GET', '/api/v1/approvals?status=pending')).json['approvals'] as Json[];
      return approvals.length === 2 ? approvals : undefined;
    });
    assert.deepEqual(new Set(pending.map((approval) => approval['kind'])), new Set(['memory_erase', 'web_request']));
    for (const approval of pending) {
      const run = await approve(String(approval['id']));
      if (approval['kind'] === 'memory_erase') assert.deepEqual([run['status'], run['driver'], run['output']], ['exited', 'memory', 'forgot 1 item\n']);
      else assert.ok(run['status'] === 'refused' && /not an address of the public internet/.test(String(run['detail'])), JSON.stringify(run));
    }
    const { json: left } = await call('POST', '/api/v1/memory/recall', { query: 'cat dog', k: 5 });
    assert.deepEqual((left['items'] as Json[]).map((item) => item['text']), ['the dog is Rex']);
    await until('the answer', async () => ((await call('GET', `/api/v1/turns/${String(said['turnId'])}`)).json['status'] === 'done' ? true : undefined));
    assert.equal((await call('POST', '/api/v1/audit/verify')).json['ok'], true);
  });
});
