import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { afterEach, suite, test } from 'node:test';
import { deriveFernetKey } from '@megabot/crypto/fernet.ts';
import { authProof, newNonce, welcomeProof } from '@megabot/crypto/handshake.ts';
import { createSecureChannel } from '@megabot/crypto/secure-channel.ts';
import { WebSocketServer, type WebSocket } from 'ws';
import { connectNative } from './native-client.ts';

const token = 'a-token-of-enough-characters';
const password = 'a password';
const salt = Buffer.alloc(16, 7);

interface Server {
  readonly url: string;
  /** Texts that arrived, in order. */
  readonly received: string[];
}
const open: WebSocketServer[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** A server of the protocol that can be told to be dishonest. */
async function serve(trait: { encryption?: object; proofToken?: string; afterWelcome?: (send: (frame: object) => void, socket: WebSocket) => void } = {}): Promise<Server> {
  const key = await deriveFernetKey(password, salt);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  open.push(server);
  const received: string[] = [];
  server.on('connection', (socket) => {
    const serverNonce = newNonce();
    const encryption = { required: true, kdf: 'pbkdf2-sha256', iterations: 100_000, salt: salt.toString('base64url'), ...trait.encryption };
    socket.send(JSON.stringify({ type: 'hello', protocol: 1, server: 'test/0', time: 1, nonce: serverNonce.toString('base64url'), encryption }));
    socket.once('message', (data: Buffer) => {
      received.push(data.toString());
      const auth = JSON.parse(data.toString()) as { nonce: string; proof: string };
      const clientNonce = Buffer.from(auth.nonce, 'base64url');
      assert.equal(auth.proof, authProof(token, serverNonce, clientNonce).toString('base64url'));
      const channel = createSecureChannel({ role: 'server', key, serverNonce, clientNonce });
      const send = (frame: object): void => socket.send(encryption.required ? channel.seal(frame) : JSON.stringify(frame));
      const proof = welcomeProof(trait.proofToken ?? token, serverNonce, clientNonce).toString('base64url');
      send({ type: 'welcome', connection: 'c', principal: 'owner', epoch: 'e', resumeFrom: 4, proof });
      socket.on('message', (frame: Buffer) => received.push(JSON.stringify(encryption.required ? channel.open(frame.toString()) : JSON.parse(frame.toString()))));
      trait.afterWelcome?.(send, socket);
    });
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

suite('the native client', () => {
  test('proves the token without sending it, encrypts, and keeps count of events', async () => {
    const { url, received } = await serve({ afterWelcome: (send) => send({ type: 'notice', seq: 9, text: 'hello' }) });
    const client = await connectNative({ url, token, password });
    assert.deepEqual([client.epoch, client.resumeFrom], ['e', 4]);
    await client.next((frame) => frame.type === 'notice');
    assert.equal(client.lastSeq, 9);
    client.send({ type: 'ping' });
    await client.close();
    assert.ok(received.every((text) => !text.includes(token)));
    assert.equal(received[1], '{"type":"ping"}');
  });

  const downgrades: Record<string, object> = { 'does not encrypt': { required: false }, 'wants fewer iterations': { iterations: 1_000 }, 'wants another key derivation': { kdf: 'md5' } };
  for (const [what, encryption] of Object.entries(downgrades)) {
    test(`with a password refuses a server that ${what}, and has sent nothing by then`, async () => {
      const { url, received } = await serve({ encryption });
      await assert.rejects(connectNative({ url, token, password }));
      assert.deepEqual(received, []);
    });
  }

  test('refuses a server that does not know the token', async () => {
    const { url } = await serve({ proofToken: 'another-token-altogether' });
    await assert.rejects(connectNative({ url, token, password }), /did not prove/);
  });

  test('speaks in clear where neither side has a password', async () => {
    const { url } = await serve({ encryption: { required: false }, afterWelcome: (send) => send({ type: 'pong' }) });
    const client = await connectNative({ url, token });
    await client.next((frame) => frame.type === 'pong');
    await client.close();
  });

  test('says with which code it was closed', async () => {
    const { url } = await serve({ afterWelcome: (_send, socket) => socket.close(4408, 'too slow') });
    const client = await connectNative({ url, token, password });
    await assert.rejects(client.next(() => false), /4408 too slow/);
    assert.deepEqual(client.closed, { code: 4408, reason: 'too slow' });
  });
});
