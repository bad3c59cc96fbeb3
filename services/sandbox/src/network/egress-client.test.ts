import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { egressGoodbye } from '@megabot/contracts/egress.ts';
import { createEgressClient } from './egress-client.ts';
import { NetworkRefused } from './port.ts';

const token = 'A'.repeat(32);
const granted = { ok: true, token, network: 'run-2', address: '10.231.78.18', port: 3128 };
const request = { runId: 'run', network: { hosts: ['pypi.org'] }, lifetimeMs: 1_000 };
const never = new AbortController().signal;

suite('the network of a run, asked for at the egress proxy', () => {
  let folder: string;
  let server: Server;
  let path: string;
  let answers: (string | object)[];
  let asked: string[];
  let goodbyes = 0;
  const sockets = new Set<Socket>();
  let ended: (() => void)[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'egress-client-'));
    path = join(folder, 'control.sock');
    server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('data', (chunk) => {
        if (chunk.toString() === egressGoodbye) return void (goodbyes += 1);
        asked.push(chunk.toString());
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        socket.write(typeof answer === 'string' ? answer : `${JSON.stringify(answer)}\n`);
      });
      socket.on('end', () => {
        socket.end(`${JSON.stringify({ hosts: [{ host: 'pypi.org', connections: 1, refused: 0, bytes: 7 }] })}\n`);
        for (const listener of ended) listener();
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  beforeEach(() => {
    [answers, asked, ended] = [[granted], [], []];
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  const client = (busyMs = 600) => createEgressClient({ controlPath: path, project: 'megabot', busyMs });

  test('is one of the project, with the proxy and the token in the variables that programs look at', async () => {
    const network = await client().open(request, never);
    assert.equal(network.attachment.network, 'megabot_run-2');
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) assert.equal(network.attachment.env[name], `http://run:${token}@10.231.78.18:3128`);
    assert.deepEqual(JSON.parse(asked[0] ?? ''), request);
    await network.close();
  });

  test('ends when it is closed, and says what was done with it', async () => {
    const network = await client().open(request, never);
    const gone = new Promise<void>((resolve) => ended.push(resolve));
    const before = goodbyes;
    assert.deepEqual(await network.close(), { hosts: [{ host: 'pypi.org', connections: 1, refused: 0, bytes: 7 }] });
    await gone;
    assert.equal(goodbyes, before + 1);
  });

  test('is waited for while every network is taken, and refused in the end', async () => {
    answers = [{ ok: false, reason: 'busy' }, { ok: false, reason: 'busy' }, granted];
    await (await client(5_000).open(request, never)).close();
    assert.equal(asked.length, 3);
    answers = [{ ok: false, reason: 'busy' }];
    await assert.rejects(client(300).open(request, never), (error) => error instanceof NetworkRefused && /in use/.test(error.message));
    await assert.rejects(client(60_000).open(request, AbortSignal.abort()), NetworkRefused);
  });

  for (const answer of ['not json\n', '{}\n', { ok: true, token: 'x y', network: 'run-0', address: '10.0.0.1', port: 1 }, { ...granted, network: '../x' }, { ...granted, address: 'evil.example' }, { ...granted, network: 'bus' }, { ...granted, network: 'run-0\n' }]) {
    test(`is refused when the answer is ${JSON.stringify(answer)}`, async () => {
      answers = [answer];
      await assert.rejects(client().open(request, never), NetworkRefused);
    });
  }

  test('is refused, with what to do, when there is no proxy', async () => {
    const absent = createEgressClient({ controlPath: join(folder, 'nothing.sock'), project: 'megabot' });
    await assert.rejects(absent.open(request, never), (error) => error instanceof NetworkRefused && /COMPOSE_PROFILES=egress/.test(error.message));
  });

  test('that is lost with the proxy is no failure when it is closed', async () => {
    const network = await client().open(request, never);
    for (const socket of sockets) socket.destroy();
    assert.equal(await network.close(), null);
  });
});
