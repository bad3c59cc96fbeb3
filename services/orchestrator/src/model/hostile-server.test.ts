import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { ModelError, type ModelReply } from './port.ts';
import { createModelDriver, type ModelDriverOptions } from './select.ts';

/** A server that means to fill the memory or to learn something. Where it can, it sends more than anybody would take. */

const mebibyte = 1_048_576;

/** Sends `piece` until the other end has had enough; resolves to how many bytes went out. */
async function pour(response: ServerResponse, piece: string, atMost: number): Promise<number> {
  let sent = 0;
  const gone = once(response, 'close');
  while (sent < atMost && !response.destroyed) {
    sent += piece.length;
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), gone]);
  }
  return sent;
}

async function chatWith(path: '/v1' | '', answer: (response: ServerResponse) => Promise<unknown>, options: Partial<ModelDriverOptions> = {}): Promise<ModelReply> {
  const server = createServer((request, response) => {
    request.resume();
    response.on('error', () => {});
    if (request.url === '/v1/chat/completions' || request.url === '/api/chat' || options.model === '') void answer(response);
    else response.writeHead(request.url === '/api/show' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const driver = createModelDriver({ url, model: 'm', localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000, ...options });
  try {
    return await driver.chat({ messages: [{ role: 'user', text: 'hello' }], tools: [], signal: new AbortController().signal, onText: () => undefined });
  } finally {
    await driver.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const badReply = (message: RegExp) => (error: unknown) => {
  if (!(error instanceof ModelError)) throw error;
  assert.equal(error.code, 'bad_reply');
  assert.match(error.message, message);
  assert.ok(error.hint);
  return true;
};

describe('an answer that would fill the memory is cut off early', () => {
  const cases: [name: string, path: '/v1' | '', type: string, piece: string][] = [
    ['a line of Ollama that does not end', '', 'application/x-ndjson', ' '.repeat(65_536)],
    ['an event that does not end', '/v1', 'text/event-stream', 'x'.repeat(65_536)],
    ['an answer of small lines that is no stream', '/v1', 'application/json', '{},\n'.repeat(16_384)],
  ];
  for (const [name, path, type, piece] of cases) {
    test(name, async () => {
      let sent: Promise<number> | undefined;
      const chat = chatWith(path, async (response) => {
        response.writeHead(200, { 'content-type': type });
        sent = pour(response, piece, 256 * mebibyte);
        await sent;
      });
      await assert.rejects(chat, badReply(/longer than/));
      assert.ok(((await sent) ?? Infinity) < 48 * mebibyte);
    });
  }

  test('a list of models without end', async () => {
    let sent: Promise<number> | undefined;
    const chat = chatWith(
      '/v1',
      async (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"data":[{}');
        sent = pour(response, ',{}'.repeat(20_000), 256 * mebibyte);
        await sent;
      },
      { model: '' },
    );
    await assert.rejects(chat, badReply(/longer than/));
    assert.ok(((await sent) ?? Infinity) < 48 * mebibyte);
  });

  const openaiCall = (index: number, text: string): string => `data: ${JSON.stringify({ choices: [{ delta: { tool_calls: [{ index, id: `c${index}`, function: { name: 'shell', arguments: text } }] } }] })}\n\n`;
  const ollamaCall = (text: string): string => `${JSON.stringify({ message: { content: '', tool_calls: [{ function: { name: 'shell', arguments: { command: text } } }] } })}\n`;
  const floods: [name: string, path: '/v1' | '', type: string, next: (count: number) => string, message: RegExp][] = [
    ['a thousand tool calls over /v1', '/v1', 'text/event-stream', (count) => openaiCall(count, '{}'), /more than 256 tool calls/],
    ['a thousand tool calls of Ollama', '', 'application/x-ndjson', () => ollamaCall('ls'), /more than 256 tool calls/],
    ['arguments without end over /v1', '/v1', 'text/event-stream', () => openaiCall(0, 'x'.repeat(60_000)), /tool calls .* longer than/],
    ['arguments without end of Ollama', '', 'application/x-ndjson', () => ollamaCall('x'.repeat(60_000)), /tool calls .* longer than/],
  ];
  for (const [name, path, type, next, message] of floods) {
    test(name, async () => {
      const chat = chatWith(path, async (response) => {
        response.writeHead(200, { 'content-type': type });
        for (let count = 0; count < 1_000 && !response.destroyed; count++) response.write(next(count));
        response.end();
      });
      await assert.rejects(chat, badReply(message));
    });
  }
});

test('a server that repeats the API key in its error does not get it shown', async () => {
  const chat = chatWith(
    '/v1',
    async (response) => response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: 'Incorrect API key provided: key-0123456789abcdef.' } })),
    { apiKey: 'key-0123456789abcdef' },
  );
  await assert.rejects(chat, (error: unknown) => error instanceof ModelError && /Incorrect API key/.test(error.message) && !error.message.includes('0123456789'));
});
