import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { Agent } from 'undici';
import { emptyWorkspaceRevision, type PlanOf } from '@megabot/contracts/action.ts';
import { isPublicAddress } from './public-address.ts';
import { webRequest, type WebDeps } from './web-request.ts';

type Web = PlanOf<'web_request'>['action'];
let server: Server;
let port = 0;
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
let answer: (response: ServerResponse) => void = (response) => void response.end('hello');

before(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Stands for the internet: every name leads to the test's server. */
const internet = new Agent({ connect: { lookup: (_host, options, callback) => (options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)) } });
after(async () => await internet.destroy());

const plan = (action: Partial<Web>, limits = { wallMs: 5_000, outputBytes: 1_000 }): PlanOf<'web_request'> => ({
  kind: 'web_request', conversation: 'default', workspaceRevision: emptyWorkspaceRevision, limits,
  action: { kind: 'web_request', method: 'GET', url: `http://example.org:${port}/page?q=1`, headers: {}, body: null, ...action },
});
const open: WebDeps = { localOnly: async () => false, dispatcher: internet };
async function go(action: Partial<Web>, deps: WebDeps = open, limits?: Parameters<typeof plan>[1], signal = new AbortController().signal) {
  seen = [];
  return await webRequest(plan(action, limits), signal, deps);
}

suite('a web request', () => {
  test('is made exactly as it was approved, and its answer is told', async () => {
    answer = (response) => void response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': 'secret=1' }).end('{"ok":true}');
    const outcome = await go({ method: 'POST', headers: { 'x-note': 'a' }, body: 'data' });
    assert.deepEqual([seen[0]?.method, seen[0]?.url, seen[0]?.headers['x-note'], seen[0]?.headers.host, seen[0]?.body], ['POST', '/page?q=1', 'a', `example.org:${port}`, 'data']);
    assert.equal(outcome.status, 'exited');
    assert.match(outcome.output ?? '', /^HTTP status 201\ncontent-type: application\/json\n\n\{"ok":true\}$/);
    assert.doesNotMatch(outcome.output ?? '', /secret/);
  });

  test('follows no redirect', async () => {
    answer = (response) => void response.writeHead(302, { location: 'http://10.0.0.1/admin' }).end();
    const outcome = await go({});
    assert.equal(seen.length, 1);
    assert.match(outcome.output ?? '', /^HTTP status 302\n[^]*location: http:\/\/10\.0\.0\.1\/admin/);
    assert.match(outcome.detail ?? '', /not followed/);
  });

  test('keeps no more than its limit of an answer, and does not wait for one without end', async () => {
    answer = (response) => {
      const more = (): void => void (response.destroyed || (response.write('x'.repeat(10_000)), setImmediate(more)));
      response.writeHead(200, { 'content-type': 'text/plain' });
      more();
    };
    const outcome = await go({});
    assert.ok(outcome.truncated === true && (outcome.droppedBytes ?? 0) > 0);
    assert.equal(outcome.output?.endsWith('x'.repeat(1_000)), true);
    assert.equal((outcome.output?.match(/x/g) ?? []).length <= 1_010, true);
  });

  test('that is not answered in time ends as a timeout', async () => {
    answer = () => undefined;
    assert.equal((await go({}, open, { wallMs: 100, outputBytes: 1_000 })).status, 'timeout');
  });

  test('that is told to stop, stops', async () => {
    answer = () => undefined;
    const controller = new AbortController();
    const going = go({}, open, undefined, controller.signal);
    setTimeout(() => controller.abort('lockdown'), 50);
    await assert.rejects(going);
  });

  test('shows no bytes that are no text', async () => {
    answer = (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(10, 7));
    assert.match((await go({})).output ?? '', /\(10 bytes that are no text, not shown\)$/);
  });

  test('says of an error of the server that it is one', async () => {
    answer = (response) => void response.writeHead(500).end('broken');
    assert.deepEqual([(await go({})).status, (await go({})).exitCode], ['exited', 1]);
  });
});

suite('nothing is sent', () => {
  test('while local_only is on', async () => {
    const outcome = await go({}, { ...open, localOnly: async () => true });
    assert.equal(outcome.status, 'refused');
    assert.match(outcome.detail ?? '', /local_only/);
    assert.equal(seen.length, 0);
  });

  const inner = ['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.1.1', '0.0.0.0', '[::1]', '[fe80::1]', '[fd00::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'];
  for (const host of inner) {
    test(`to ${host}`, async () => {
      const outcome = await go({ url: `http://${host}:${port}/` }, { localOnly: async () => false });
      assert.equal(outcome.status, 'refused');
      assert.match(outcome.detail ?? '', /not an address of the public internet/);
      assert.equal(seen.length, 0);
    });
  }

  test('to a name that leads inside, even beside a public address', async () => {
    for (const addresses of [['127.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['::ffff:10.0.0.1']]) {
      const resolve = async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      const outcome = await go({}, { localOnly: async () => false, resolve });
      assert.equal(outcome.status, 'refused');
      assert.match(outcome.detail ?? '', /resolves to .* not an address of the public internet/);
      assert.equal(seen.length, 0);
    }
  });

  test('with a header that names another host or frames the message', async () => {
    for (const name of ['Host', 'Transfer-Encoding', 'content-length', 'Connection']) {
      assert.equal((await go({ headers: { [name]: 'x' } })).status, 'refused');
      assert.equal(seen.length, 0);
    }
  });

  test('where there is no way out, which is said', async () => {
    const resolve = async (): Promise<never> => {
      throw Object.assign(new Error('no resolver'), { code: 'EAI_AGAIN' });
    };
    const outcome = await go({}, { localOnly: async () => false, resolve });
    assert.equal(outcome.status, 'refused');
    assert.match(outcome.detail ?? '', /no way out/);
  });
});

test('addresses of the public internet are told from all others', () => {
  for (const address of ['8.8.8.8', '93.184.216.34', '2606:4700::1111']) assert.equal(isPublicAddress(address), true, address);
  for (const address of ['10.0.0.1', '100.64.0.1', '172.31.255.255', '198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:8.8.8.8', '64:ff9b::a00:1', 'fc00::1', 'ff02::1', '2001:db8::1', '2002:a00:1::', 'x']) {
    assert.equal(isPublicAddress(address), false, address);
  }
});
