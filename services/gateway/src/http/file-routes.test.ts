import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bus } from '@megabot/bus/port.ts';
import { fileRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { makeRun } from '../testing/fake-services.ts';
import { startTestGateway } from '../testing/test-gateway.ts';

const at = '/api/v1/conversations/default/files';

describe('the files of a conversation over HTTP', () => {
  test('are listed page by page, with what they occupy', async () => {
    await using megabot = await startTestGateway();
    for (const name of ['a', 'b/c', 'd é']) megabot.fakes.files.set(name, Buffer.from('x'));
    const page = async (query: string): Promise<{ files: { path: string }[]; nextCursor: string | null; usage: object }> => (await (await megabot.request(`${at}?limit=2${query}`)).json()) as { files: { path: string }[]; nextCursor: string | null; usage: object };
    const first = await page('');
    assert.deepEqual([first.files.map((file) => file.path), first.nextCursor, first.usage], [['a', 'b/c'], 'b/c', { bytes: 4096, entries: 3 }]);
    const second = await page(`&cursor=${encodeURIComponent(first.nextCursor ?? '')}`);
    assert.deepEqual([second.files.map((file) => file.path), second.nextCursor], [['d é'], null]);
  });

  test('are downloaded whole and byte for byte, however large', async () => {
    await using megabot = await startTestGateway();
    const bytes = Buffer.alloc(2_500_000, Buffer.from(Array.from({ length: 256 }, (_, value) => value)));
    for (const [name, content] of [['folder/large.bin', bytes], ['empty', Buffer.alloc(0)]] as const) {
      megabot.fakes.files.set(name, content);
      const response = await megabot.request(`${at}/${name}`);
      assert.equal(response.status, 200);
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(content), name);
      assert.equal(response.headers.get('content-length'), String(content.byteLength));
    }
  });

  test('are saved and never shown, whatever they are called', async () => {
    await using megabot = await startTestGateway();
    for (const name of ['page.html', 'image.svg', 'a"b\r\nX-Evil: 1.html', '../x', 'é/ü "quoted".js', "it's(1)*.html"]) {
      megabot.fakes.files.set(name, Buffer.from('<script>alert(1)</script>'));
      const response = await megabot.request(`${at}/${name.split('/').map(encodeURIComponent).join('/')}`);
      if (name.startsWith('..')) {
        assert.notEqual(response.status, 200, name);
        continue;
      }
      assert.equal(response.status, 200, name);
      assert.equal(response.headers.get('content-type'), 'application/octet-stream');
      assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="[\w.+ -]*"; filename\*=UTF-8''[\w.~%!-]*$/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
      assert.equal(response.headers.get('x-evil'), null);
    }
  });

  for (const path of ['%2e%2e%2fetc%2fpasswd', '..%2fx', 'a/%2e%2e/b', '%2fetc%2fpasswd', 'a%00b', 'a//b', '.', '']) {
    test(`are none under a name that is none: ${path}`, async () => {
      await using megabot = await startTestGateway();
      const response = await megabot.request(`${at}/${path}`);
      assert.ok([400, 404].includes(response.status), String(response.status));
    });
  }

  test('that do not exist are not found', async () => {
    await using megabot = await startTestGateway();
    const response = await megabot.request(`${at}/nothing`);
    assert.deepEqual([response.status, response.headers.get('content-type')?.split(';')[0]], [404, 'application/problem+json']);
  });

  test('break off where they are not what their hash says', async () => {
    const lying = (bus: Bus): Bus => {
      const call: Bus['call'] = async (endpoint, ...rest) => {
        const reply = await bus.call(endpoint, ...rest);
        return (endpoint as object) === fileRead ? { ...(reply as object), hash: 'f'.repeat(64) } as typeof reply : reply;
      };
      return new Proxy(bus, { get: (target, name) => (name === 'call' ? call : Reflect.get(target, name, target)) });
    };
    await using megabot = await startTestGateway({}, lying);
    for (const size of [7, 2_500_000]) {
      megabot.fakes.files.set('a', Buffer.alloc(size, 'changed'));
      const got = await megabot.request(`${at}/a`).then(async (response) => (response.ok ? await response.text() : ''), () => '').catch(() => '');
      assert.ok(got.length < size);
    }
  });

  test('are open to nobody without a token', async () => {
    await using megabot = await startTestGateway();
    for (const path of [at, `${at}/a`]) assert.equal((await megabot.request(path, { headers: {} })).status, 401);
  });

  test('are changed by actions alone, which the interlock judges', async () => {
    await using megabot = await startTestGateway();
    for (const action of [
      { kind: 'file_write', files: [{ path: 'a', content: 'x' }] }, { kind: 'file_delete', paths: ['a'] }, { kind: 'file_move', from: 'a', to: 'b' }, { kind: 'shell', command: 'ls', network: { hosts: ['pypi.org'] }, stdin: 'x' },
    ]) {
      assert.equal((await megabot.request('/api/v1/actions', { method: 'POST', body: { ...action, wait: 0 } })).status, 403);
      assert.deepEqual(megabot.fakes.submitted.at(-1)?.action, action);
    }
    for (const body of [{ kind: 'file_write', files: [{ path: '../a', content: 'x' }] }, { kind: 'shell', command: 'ls', network: { hosts: ['127.0.0.1'] } }, { kind: 'shell', command: 'ls', network: 'everything' }, { kind: 'web_request', method: 'GET', url: 'http://x' }]) {
      assert.equal((await megabot.request('/api/v1/actions', { method: 'POST', body })).status, 400);
    }
    for (const method of ['PUT', 'POST', 'DELETE']) assert.ok([404, 405].includes((await megabot.request(`${at}/a`, { method, body: {} })).status));
  });
});

describe('what a run printed', () => {
  test('is given byte for byte where it is no text', async () => {
    await using megabot = await startTestGateway();
    const run = makeRun({ output: '\u{FFFD}PNG' });
    megabot.fakes.runs.set(run.id, run);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    megabot.fakes.binaries.set(run.id, bytes.toString('base64'));
    const response = await megabot.request(`/api/v1/runs/${run.id}/output`);
    assert.deepEqual([response.status, response.headers.get('content-type'), response.headers.get('x-content-type-options')], [200, 'application/octet-stream', 'nosniff']);
    assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="output\.bin"/);
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes));
  });
});
