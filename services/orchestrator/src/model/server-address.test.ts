import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ModelError } from './port.ts';
import { createModelDriver } from './select.ts';
import { parseServerAddress } from './server-address.ts';

test('an address is a URL, or a socket with the path of an API', () => {
  assert.equal(parseServerAddress('http://127.0.0.1:1234/v1/').url.href, 'http://127.0.0.1:1234/v1');
  const socket = parseServerAddress('unix:/run/hostlink/models/1234.sock:/v1');
  assert.deepEqual([socket.socketPath, socket.url.pathname, socket.shown.origin], ['/run/hostlink/models/1234.sock', '/v1', 'unix:/run/hostlink/models/1234.sock']);
  assert.equal(parseServerAddress('unix:/run/hostlink/models/11434.sock').url.pathname, '/');
  for (const text of ['', 'unix:', 'unix:relative.sock', 'unix:/etc/passwd', 'unix:/a.sock:v1', 'unix:/a.sock:/v1?x=1', 'unix:/a:b.sock', 'ftp://x/', 'http://user:word@x/', 'http://']) {
    assert.throws(() => parseServerAddress(text), TypeError, text);
  }
});

test('a model server behind a socket is asked there, and messages name the socket', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'model-'));
  const path = join(directory, '1234.sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ object: 'list', data: [{ id: 'local-model' }] }));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  server.keepAliveTimeout = 1;
  const driver = createModelDriver({ url: `unix:${path}:/v1`, localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000 });
  const signal = AbortSignal.timeout(5_000);
  try {
    const found = await driver.probe(signal);
    assert.deepEqual([found.reachable, asked[0]], [true, 'localhost /v1/models']);
    assert.match(driver.name, /unix:.*1234\.sock:\/v1/);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(driver.chat({ messages: [{ role: 'user', text: 'hello' }], tools: [], signal, onText: () => undefined }), (error) => {
      assert.ok(error instanceof ModelError);
      assert.match(error.message, /unix:.*1234\.sock/);
      return true;
    });
  } finally {
    server.closeAllConnections();
    server.close();
    await driver.close();
    await rm(directory, { recursive: true });
  }
});
