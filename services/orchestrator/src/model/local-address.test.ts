import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { scriptedModelName, startScriptedModel, type ScriptedModel } from '@megabot/testing/scripted-model.ts';
import { checkedLookup, isLocalAddress, type Resolve } from './local-address.ts';
import { ModelError } from './port.ts';
import { createModelDriver, type ModelDriverOptions } from './select.ts';

const local = [
  '127.0.0.1', '127.255.255.254', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1',
  '100.127.255.255', '::1', 'fc00::1', 'fd7a:115c:a1e0::1', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1',
];
const foreign = [
  '0.0.0.0', '8.8.8.8', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '100.63.255.255',
  '100.128.0.0', '128.0.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::', '::2', 'fbff::1', 'fe00::1', 'fec0::1', 'ff02::1',
  '2001:4860:4860::8888', '::ffff:8.8.8.8', '::ffff:169.254.169.254', '64:ff9b::7f00:1', '2002:7f00:1::', '', 'localhost', '127.1', '127.0.0.1.',
];

test('loopback, private, shared and IPv6 link-local addresses are local, to their first and last', () => {
  for (const address of local) assert.equal(isLocalAddress(address), true, address);
  for (const address of foreign) assert.equal(isLocalAddress(address), false, address);
});

describe('local_only', () => {
  let model: ScriptedModel;
  before(async () => {
    model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  });
  after(async () => await model.close());

  const chat = async (options: Partial<ModelDriverOptions>, resolve: Resolve): Promise<string> => {
    const url = `http://model.test:${new URL(model.url).port}`;
    const defaults = { url, model: scriptedModelName, localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000 };
    const driver = createModelDriver({ ...defaults, ...options }, { resolve });
    try {
      const request = { messages: [{ role: 'user' as const, text: 'hello' }], tools: [], signal: new AbortController().signal };
      return (await driver.chat({ ...request, onText: () => undefined })).text;
    } catch (error) {
      assert.ok(error instanceof ModelError);
      return error.code;
    } finally {
      await driver.close();
    }
  };
  const to = (...addresses: readonly string[]): Resolve => async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

  test('connects to the very address that was checked: each connection resolves the name once, and nobody else does', async () => {
    let resolved = 0;
    const counting: Resolve = async () => {
      resolved += 1;
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const seenBefore = model.requests().length;
    assert.equal(await chat({}, counting), 'echo: hello', 'no system resolver knows model.test');
    assert.equal(resolved, new Set(model.requests().slice(seenBefore).map((request) => request.clientPort)).size);
  });

  test('judges a name anew for each connection', async () => {
    let resolved = 0;
    const rebinding: Resolve = async () => [{ address: (resolved += 1) === 1 ? '127.0.0.1' : '203.0.113.1', family: 4 }];
    const lookup = promisify(checkedLookup({ allowedHosts: [] }, rebinding));
    assert.deepEqual(await lookup('model.test', { all: true }), [{ address: '127.0.0.1', family: 4 }]);
    await assert.rejects(lookup('model.test', { all: true }), { code: 'refused_address' });
  });

  test('refuses a name that resolves to any address which is not local', async () => {
    assert.equal(await chat({}, to('203.0.113.1')), 'refused_address');
    assert.equal(await chat({}, to('127.0.0.1', '203.0.113.1')), 'refused_address');
    assert.equal(await chat({}, to('127.0.0.1', '2001:db8::1')), 'refused_address');
  });

  test('accepts a host that the owner named, whatever it resolves to', async () => {
    const withForeign = to('127.0.0.1', '203.0.113.1');
    for (const name of ['model.test', 'MODEL.test', 'model.test.']) {
      assert.equal(await chat({ allowedHosts: ['other.test', name] }, withForeign), 'echo: hello', name);
    }
    assert.equal(await chat({ allowedHosts: ['test', 'xmodel.test', '*'] }, withForeign), 'refused_address');
  });

  test('off: any address will do', async () => {
    assert.equal(await chat({ localOnly: false }, to('127.0.0.1')), 'unreachable', 'the system knows no such name');
    assert.equal(await chat({ localOnly: false, url: model.url }, to()), 'echo: hello');
  });

  test('a name that resolves to nothing is unreachable, not refused', async () => {
    const unknown: Resolve = async () => {
      throw Object.assign(new Error('unknown'), { code: 'ENOTFOUND' });
    };
    assert.equal(await chat({}, unknown), 'unreachable');
    assert.equal(await chat({}, to()), 'unreachable');
  });

  test('a redirect is not followed, and the conversation stays', async () => {
    const redirecting = createServer((request, response) => {
      request.resume();
      response.writeHead(307, { location: `${model.url}${request.url}` }).end();
    });
    await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`;
    const before = model.requests().length;
    for (const options of [{ url }, { url: `${url}/v1` }, { url, localOnly: false }, { url: `${url}/v1`, localOnly: false }]) {
      assert.equal(await chat(options, to()), 'refused_address', JSON.stringify(options));
    }
    assert.equal(model.requests().length, before);
    await new Promise((resolve) => redirecting.close(resolve));
  });
});

describe('the address of the model server', () => {
  const make = (url: string) => createModelDriver({ url, localOnly: true, allowedHosts: [], idleTimeoutMs: 1_000 });

  test('ending in /v1 means an OpenAI-compatible server, anything else Ollama', () => {
    for (const url of ['http://localhost:1234/v1', 'http://localhost:1234/v1/', 'https://localhost/api/v1']) {
      assert.match(make(url).name, /^openai-compatible at http/, url);
    }
    for (const url of ['http://localhost:11434', 'http://localhost:11434/', 'http://localhost/v1/x', 'http://localhost/ollama/', 'http://v1/']) {
      assert.match(make(url).name, /^ollama at http/, url);
    }
  });

  test('has to be an http(s) URL without credentials, and is not repeated where it is refused', () => {
    for (const url of ['', 'localhost:1234/v1', 'ftp://localhost/v1', 'file:///v1', 'http://user:secret@localhost/v1', 'http://secret@localhost']) {
      assert.throws(() => make(url), (error: unknown) => error instanceof TypeError && !error.message.includes('secret'), url);
    }
  });
});
