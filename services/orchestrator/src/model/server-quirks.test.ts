import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, mock, test } from 'node:test';
import { ModelError, type ModelReply } from './port.ts';
import { createModelDriver, type ModelDriverOptions } from './select.ts';

/** Answers that real servers give and the scripted model does not. */

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function chatWith(path: string, answer: Answer, options: Partial<ModelDriverOptions> = {}): Promise<ModelReply> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const chat = request.url === '/v1/chat/completions' || request.url === '/api/chat';
      if (chat) answer(request, response, Buffer.concat(chunks).toString('utf8'));
      else response.writeHead(request.url === '/api/show' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const driver = createModelDriver({ url, model: 'm', localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000, ...options });
  try {
    const messages = [{ role: 'user' as const, text: 'hello' }];
    return await driver.chat({ messages, tools: [], signal: new AbortController().signal, onText: () => undefined });
  } finally {
    await driver.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const failsWith = (code: string, message: RegExp = /./) => (error: unknown) => {
  if (!(error instanceof ModelError)) throw error;
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

describe('an OpenAI-compatible server', () => {
  const events = (...data: readonly (object | string)[]): Answer => (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(data.map((item) => `data: ${typeof item === 'string' ? item : JSON.stringify(item)}\n\n`).join(''));
  };
  const text = (content: string) => ({ choices: [{ index: 0, delta: { content } }] });
  const finish = (reason: string) => ({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
  const chat = async (answer: Answer) => await chatWith('/v1', answer);

  test('may leave out usage and the end mark, and send events without choices', async () => {
    const reply = await chat(events({ choices: [] }, {}, text('hi'), finish('stop')));
    assert.deepEqual(reply, { text: 'hi', toolCalls: [], stopReason: 'stop' });
  });

  test('may stop with "stop" after tool calls', async () => {
    const call = { choices: [{ delta: { tool_calls: [{ index: 0, id: 'a', function: { name: 'shell', arguments: '{}' } }] } }] };
    assert.equal((await chat(events(call, finish('stop'), '[DONE]'))).stopReason, 'tool_calls');
  });

  test('says that an answer was cut at its limit', async () => {
    assert.equal((await chat(events(text('hi'), finish('length'), '[DONE]'))).stopReason, 'length');
  });

  test('that ends the stream before the answer is finished gave no answer', async () => {
    await assert.rejects(chat(events(text('half'))), failsWith('bad_reply'));
    await assert.rejects(chat(events(text('half'), '[DONE]')), failsWith('bad_reply'));
    await assert.rejects(chat(events()), failsWith('bad_reply'));
  });

  test('that breaks the protocol gave no answer, and nothing is printed', async () => {
    const printed = (['log', 'warn', 'error'] as const).map((level) => mock.method(console, level, () => undefined));
    await assert.rejects(chat(events('{"choices": [oops')), failsWith('bad_reply'));
    await assert.rejects(chat(events({ choices: [{ delta: { content: 7 } }] })), failsWith('bad_reply'));
    await assert.rejects(chat((_request, response) => void response.writeHead(200).end('<html>')), failsWith('bad_reply'));
    assert.deepEqual(printed.map((method) => method.mock.callCount()), [0, 0, 0]);
    mock.restoreAll();
  });

  test('reports its own error in the stream', async () => {
    const answer = events(text('hi'), { error: { message: 'context window exceeded' } });
    await assert.rejects(chat(answer), failsWith('bad_reply', /context window exceeded/));
  });

  test('that is no model server is said to answer with its status', async () => {
    await assert.rejects(chat((_request, response) => void response.writeHead(404).end('<html>no such page</html>')), failsWith('http_status', /404/));
  });

  test('reached through Ollama is asked whether the model runs elsewhere', async () => {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      response.setHeader('content-type', 'application/json');
      response.end(request.url === '/api/version' ? '{"version":"0.12.0"}' : '{"remote_host":"https://ollama.com:443"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const driver = createModelDriver({ url, model: 'm', localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000 });
    const request = { messages: [{ role: 'user' as const, text: 'secret' }], tools: [], signal: new AbortController().signal };
    await assert.rejects(driver.chat({ ...request, onText: () => undefined }), failsWith('refused_address'));
    assert.deepEqual(paths, ['/api/version', '/api/show']);
    await driver.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('Ollama', () => {
  const lines = (...items: readonly (object | string)[]): Answer => (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end(items.map((item) => `${typeof item === 'string' ? item : JSON.stringify(item)}\n`).join(''));
  };
  const text = (content: string) => ({ message: { role: 'assistant', content }, done: false });
  const done = (reason: string) => ({ message: { role: 'assistant', content: '' }, done: true, done_reason: reason });
  const chat = async (answer: Answer, options: Partial<ModelDriverOptions> = {}) => await chatWith('', answer, options);

  test('is told the size of the context', async () => {
    let sent: { options?: { num_ctx?: number } } = {};
    const answer: Answer = (request, response, body) => {
      sent = JSON.parse(body) as typeof sent;
      lines(done('stop'))(request, response, body);
    };
    await chat(answer);
    assert.equal(sent.options?.num_ctx, 8192);
    await chat(answer, { contextTokens: 32_768 });
    assert.equal(sent.options?.num_ctx, 32_768);
  });

  test('says that an answer was cut at its limit', async () => {
    assert.equal((await chat(lines(text('hi'), done('length')))).stopReason, 'length');
  });

  test('keeps the thinking of a model out of its answer', async () => {
    const thinking = { message: { role: 'assistant', content: '', thinking: 'hmm' }, done: false };
    assert.equal((await chat(lines(thinking, text('hi'), done('stop')))).text, 'hi');
  });

  test('that breaks the protocol gave no answer, and nothing is printed', async () => {
    const printed = (['log', 'warn', 'error'] as const).map((level) => mock.method(console, level, () => undefined));
    await assert.rejects(chat(lines(text('a'), '{"message": oops', text('b'), done('stop'))), failsWith('bad_reply'));
    await assert.rejects(chat(lines(text('half'))), failsWith('bad_reply'));
    await assert.rejects(chat(lines({ done: true })), failsWith('bad_reply'));
    await assert.rejects(chat(lines(text('hi'), { error: 'out of memory' })), failsWith('bad_reply'));
    await assert.rejects(chat((_request, response) => void response.writeHead(500).end('plain text')), failsWith('http_status', /plain text/));
    assert.deepEqual(printed.map((method) => method.mock.callCount()), [0, 0, 0]);
    mock.restoreAll();
  });

  test('that turns out to answer from elsewhere is stopped at its first word', async () => {
    const remote = { ...text('hi'), remote_host: 'https://ollama.com:443', remote_model: 'big' };
    await assert.rejects(chat(lines(remote, done('stop'))), failsWith('refused_address'));
    assert.equal((await chat(lines(remote, done('stop')), { localOnly: false })).text, 'hi');
  });
});
