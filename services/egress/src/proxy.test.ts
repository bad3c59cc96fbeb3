import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { after, afterEach, before, suite, test } from 'node:test';
import { raw, startHarness, statusOf, type Harness, type HeldGrant } from './testing/harness.ts';

const site = '93.184.216.34';

suite('the egress proxy', () => {
  let harness: Harness;
  let seen: string[];
  const open: HeldGrant[] = [];
  const grant = async (...parameters: Parameters<Harness['grant']>): Promise<HeldGrant> => {
    const held = await harness.grant(...parameters);
    open.push(held);
    return held;
  };
  const get = (held: Pick<HeldGrant, 'authorization'>, target: string, host: string, extra = ''): string =>
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: ${held.authorization}\r\n${extra}Connection: close\r\n\r\n`;

  before(async () => {
    harness = await startHarness({ proxyLimits: { connections: 20, headMs: 300, idleMs: 1_000 } });
    await harness.serveHttp(`${site}:80`, (request, response) => {
      seen.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (request.url === '/redirect') response.writeHead(302, { location: 'http://evil.example/' }).end();
        else response.writeHead(200, { 'x-body': JSON.stringify(body) }).end('content of the site');
      });
    });
    for (const name of ['granted.example', 'evil.example']) harness.names.set(name, () => [site]);
  });
  afterEach(async () => {
    for (const held of open.splice(0)) await held.drop();
  });
  after(async () => await harness.close());
  const fresh = (): void => {
    seen = [];
    harness.resolved.length = 0;
    harness.dialled.length = 0;
  };
  const untouched = (): void => assert.deepEqual([seen, harness.resolved, harness.dialled], [[], [], []]);

  test('passes a request to a granted host on, with nothing of the proxy in it', async () => {
    fresh();
    const held = await grant({ hosts: ['granted.example'] });
    const answer = await raw(held, get(held, 'http://granted.example/page?q=1', 'granted.example', 'X-Mine: 1\r\nX-Drop: 1\r\nConnection: x-drop\r\nTE: trailers\r\nUpgrade: h2c\r\n'));
    assert.equal(statusOf(answer), 200);
    assert.match(answer, /content of the site/);
    assert.deepEqual(seen, ['GET /page?q=1 ["x-mine","1","host","granted.example","connection","close"]']);
  });

  test('passes bodies on, whole and framed by itself', async () => {
    const held = await grant('internet');
    for (const framing of ['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n']) {
      const answer = await raw(held, `POST http://granted.example/ HTTP/1.1\r\nHost: granted.example\r\nProxy-Authorization: ${held.authorization}\r\nConnection: close\r\n${framing}`);
      assert.match(answer, /x-body: "hello"/);
    }
  });

  suite('asked by nobody it knows', () => {
    const cases: Record<string, (held: HeldGrant) => string> = {
      'no token': () => '',
      'another token': () => `Proxy-Authorization: Basic ${Buffer.from(`run:${'A'.repeat(32)}`).toString('base64')}\r\n`,
      'a token of the wrong kind': (held) => `Proxy-Authorization: Bearer ${held.reply.token}\r\n`,
      'a token for the site instead': (held) => `Authorization: ${held.authorization}\r\n`,
      'two tokens': (held) => `Proxy-Authorization: ${held.authorization}\r\nProxy-Authorization: ${held.authorization}\r\n`,
      'a token with something behind it': (held) => `Proxy-Authorization: ${held.authorization} x\r\n`,
    };
    for (const [what, header] of Object.entries(cases)) {
      test(`with ${what}, resolves and reaches nothing`, async () => {
        const held = await grant('internet');
        fresh();
        assert.equal(statusOf(await raw(held, `GET http://granted.example/ HTTP/1.1\r\nHost: granted.example\r\n${header(held)}Connection: close\r\n\r\n`)), 407);
        assert.equal(statusOf(await raw(held, `CONNECT granted.example:443 HTTP/1.1\r\nHost: granted.example:443\r\n${header(held)}\r\n`)), 407);
        untouched();
      });
    }

    test("with another run's token, from its own network, reaches nothing", async () => {
      const [one, other] = [await grant({ hosts: ['granted.example'] }), await grant({ hosts: ['evil.example'] })];
      assert.notEqual(one.reply.address, other.reply.address);
      fresh();
      assert.equal(statusOf(await raw({ reply: other.reply }, get(one, 'http://granted.example/', 'granted.example'))), 407);
      untouched();
    });

    const endings: Record<string, (held: HeldGrant) => Promise<unknown>> = { 'has ended': (held) => held.end(), 'was lost with the sandbox': (held) => held.drop() };
    for (const [how, end] of Object.entries(endings)) {
      test(`with the token of a run that ${how}, reaches nothing`, async () => {
        const held = await harness.grant('internet');
        await end(held);
        fresh();
        assert.equal(statusOf(await raw(held, get(held, 'http://granted.example/', 'granted.example'))), 407);
        untouched();
      });
    }

    test('with a token whose time is up, reaches nothing', async () => {
      const held = await grant('internet', 50);
      await new Promise((resolve) => setTimeout(resolve, 100));
      fresh();
      assert.equal(statusOf(await raw(held, get(held, 'http://granted.example/', 'granted.example'))), 407);
      untouched();
    });
  });

  suite('asked for what was not granted', () => {
    const cases: readonly (readonly [what: string, target: string, host: string, status: number])[] = [
      ['another host', 'http://evil.example/', 'evil.example', 403],
      ['a host below the granted one', 'http://sub.granted.example/', 'sub.granted.example', 403],
      ['a host that ends like the granted one', 'http://notgranted.example/', 'notgranted.example', 403],
      ['an address', `http://${site}/`, site, 403],
      ['this machine', 'http://127.0.0.1/', '127.0.0.1', 403],
      ['this machine by name', 'http://localhost/', 'localhost', 403],
      ['this machine by IPv6', 'http://[::1]/', '[::1]', 403],
      ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/', '169.254.169.254', 403],
      ['the metadata of a cloud by name', 'http://metadata.google.internal/', 'metadata.google.internal', 403],
      ['a service of the stack', 'http://nats:4222/', 'nats:4222', 403],
      ['another host behind userinfo', 'http://granted.example@evil.example/', 'granted.example', 403],
      ['another port', 'http://granted.example:22/', 'granted.example:22', 403],
      ['another host in Host', 'http://granted.example/', 'evil.example', 400],
      ['a path without a host', '/', 'granted.example', 400],
      ['https in the open', 'https://granted.example/', 'granted.example', 400],
    ];
    for (const [what, target, host, status] of cases) {
      test(`${what}, resolves and reaches nothing and says why`, async () => {
        const held = await grant({ hosts: ['granted.example'] });
        fresh();
        const answer = await raw(held, get(held, target, host));
        assert.equal(statusOf(answer), status);
        assert.match(answer, /egress: ./);
        untouched();
      });
    }

    for (const target of ['granted.example:22', 'granted.example:25', 'granted.example:80', 'granted.example:8443', 'evil.example:443', `${site}:443`, '127.0.0.1:443', '[::1]:443', 'localhost:443', 'granted.example']) {
      test(`by a tunnel to ${target}, resolves and reaches nothing`, async () => {
        const held = await grant({ hosts: ['granted.example'] });
        fresh();
        assert.equal(statusOf(await raw(held, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: ${held.authorization}\r\n\r\n`)), 403);
        untouched();
      });
    }

    test('by a redirect: it goes back to the command, whose next request is judged like any other', async () => {
      const held = await grant({ hosts: ['granted.example'] });
      const answer = await raw(held, get(held, 'http://granted.example/redirect', 'granted.example'));
      assert.match(answer, /302[^]*location: http:\/\/evil\.example\//i);
      fresh();
      assert.equal(statusOf(await raw(held, get(held, 'http://evil.example/', 'evil.example'))), 403);
      untouched();
    });

    test('by the second request of a connection whose first was granted', async () => {
      const held = await grant({ hosts: ['granted.example'] });
      const first = `GET http://granted.example/ HTTP/1.1\r\nHost: granted.example\r\nProxy-Authorization: ${held.authorization}\r\n\r\n`;
      const answers = await raw(held, first + get(held, 'http://evil.example/', 'evil.example'));
      assert.deepEqual([...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]), ['200', '403']);
      const second = await raw(held, first + first.replace(/Proxy-Authorization[^\r]*\r\n/, ''));
      assert.deepEqual([...second.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]), ['200', '407']);
    });
  });

  suite('given a name that means something private', () => {
    for (const address of ['127.0.0.1', '10.0.0.5', '192.168.1.1', '172.18.0.2', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '::1', '::ffff:127.0.0.1', '64:ff9b::a00:5', 'fd00::1', 'fe80::1', '11.22.33.44']) {
      test(`connects nowhere: ${address}`, async () => {
        harness.names.set('inside.example', () => [address]);
        const held = await grant('internet');
        fresh();
        const answer = await raw(held, get(held, 'http://inside.example/', 'inside.example'));
        assert.equal(statusOf(answer), 403);
        assert.deepEqual(harness.dialled, []);
      });
    }

    test('at the second look: the address that was judged is the one that is connected to', async () => {
      let looks = 0;
      harness.names.set('rebinding.example', () => (looks++ === 0 ? [site] : ['127.0.0.1']));
      const held = await grant('internet');
      fresh();
      assert.equal(statusOf(await raw(held, get(held, 'http://rebinding.example/', 'rebinding.example'))), 200);
      assert.deepEqual([looks, harness.dialled], [1, [`${site}:80`]]);
      assert.equal(statusOf(await raw(held, get(held, 'http://rebinding.example/', 'rebinding.example'))), 403);
    });

    test('beside a public one: only that one is tried', async () => {
      harness.names.set('mixed.example', () => ['127.0.0.1', '8.8.4.4', '10.0.0.1', site]);
      const held = await grant('internet');
      fresh();
      assert.equal(statusOf(await raw(held, get(held, 'http://mixed.example/', 'mixed.example'))), 200);
      assert.deepEqual(harness.dialled, ['8.8.4.4:80', `${site}:80`]);
    });
  });

  suite('sent a request that two parsers read differently', () => {
    const smuggled = 'GET http://evil.example/smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n';
    const cases: Record<string, string> = {
      'with two kinds of length': `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with two lengths': `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      'with a coding that is not quite chunked': `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with chunked twice': `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with a header folded over two lines': `Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with a space before the colon': `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with a bare line feed': `X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'with a chunk that is longer than it says': `Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${smuggled}`,
      'with a second Host': `Host: evil.example\r\n\r\n`,
    };
    for (const [what, rest] of Object.entries(cases)) {
      test(`${what}, never lets the site see a second one`, async () => {
        const held = await grant({ hosts: ['granted.example'] });
        fresh();
        await raw(held, `POST http://granted.example/first HTTP/1.1\r\nHost: granted.example\r\nProxy-Authorization: ${held.authorization}\r\n${rest}`, 600);
        assert.ok(seen.length <= 1 && !seen.some((line) => line.includes('smuggled')), seen.join('\n'));
        assert.ok(!harness.resolved.includes('evil.example'));
      });
    }

    test('as a GET with a body, frames the body, so that it is no request of its own', async () => {
      const held = await grant({ hosts: ['granted.example'] });
      fresh();
      const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
      const answer = await raw(held, `GET http://granted.example/first HTTP/1.1\r\nHost: granted.example\r\nConnection: close\r\nProxy-Authorization: ${held.authorization}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
      assert.equal(seen.length, 1);
      assert.match(answer, /x-body: "GET http:\/\/evil/);
    });

    test('by another method than those of the web, is not passed on', async () => {
      const held = await grant('internet');
      fresh();
      for (const method of ['TRACE', 'PROPFIND', 'PURGE']) {
        const answer = await raw(held, get(held, 'http://granted.example/', 'granted.example').replace('GET', method));
        assert.equal(statusOf(answer), 405, method);
      }
      untouched();
    });
  });

  suite('flooded', () => {
    test('with a head of 20 KiB, refuses it', async () => {
      const held = await grant('internet');
      fresh();
      assert.equal(statusOf(await raw(held, get(held, 'http://granted.example/', 'granted.example', `X: ${'a'.repeat(20_000)}\r\n`))), 431);
      untouched();
    });

    test('with heads that never end, hangs up', async () => {
      const held = await grant('internet');
      fresh();
      assert.equal(statusOf(await raw(held, 'GET http://granted.example/ HTTP/1.1\r\nHost: gran', 3_000)), 408);
      untouched();
    });

    test('with more connections than it takes, answers the others once there is room', async () => {
      const held = await grant('internet');
      const idle = Array.from({ length: 40 }, () => connectTcp({ host: held.reply.address, port: held.reply.port }).on('error', () => undefined));
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const socket of idle) socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(statusOf(await raw(held, get(held, 'http://granted.example/', 'granted.example'))), 200);
    });
  });

  test('tells at the end which hosts the run reached and which it was refused', async () => {
    const held = await harness.grant({ hosts: ['granted.example'] });
    await raw(held, get(held, 'http://granted.example/', 'granted.example'));
    await raw(held, get(held, 'http://evil.example/', 'evil.example'));
    await raw(held, get(held, 'http://127.0.0.1/', '127.0.0.1'));
    const { hosts } = await held.end();
    assert.deepEqual(hosts.map(({ host, connections, refused }) => [host, connections, refused]), [['granted.example', 1, 0], ['evil.example', 0, 1], ['an address that is never reached', 0, 1]]);
    assert.ok((hosts[0]?.bytes ?? 0) > 50);
  });
});
