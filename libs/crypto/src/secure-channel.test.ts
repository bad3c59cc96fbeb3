import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fernetKeyFromBytes, openFernet, sealFernet } from './fernet.ts';
import { newNonce, sessionId } from './handshake.ts';
import { ChannelError, createSecureChannel, type ChannelErrorCode } from './secure-channel.ts';

const key = fernetKeyFromBytes(randomBytes(32));
const start = Date.parse('2026-01-01T00:00:00Z');

function connect({ sharedKey = key } = {}) {
  const serverNonce = newNonce();
  const clientNonce = newNonce();
  const time = { now: start };
  const shared = { key: sharedKey, serverNonce, clientNonce, clock: () => time.now };
  return {
    server: createSecureChannel({ role: 'server', ...shared }),
    client: createSecureChannel({ role: 'client', ...shared }),
    session: sessionId(serverNonce, clientNonce),
    time,
  };
}

function refusedWith(code: ChannelErrorCode) {
  return (error: unknown) => {
    assert.ok(error instanceof ChannelError);
    assert.equal(error.code, code);
    return true;
  };
}

function sealText(text: string | Uint8Array): string {
  return sealFernet(key, typeof text === 'string' ? Buffer.from(text, 'utf8') : text, start);
}

describe('an encrypted connection', () => {
  test('carries any JSON both ways, interleaved in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ fromClient: fc.boolean(), body: fc.jsonValue() }), { maxLength: 30 }), (frames) => {
        const { server, client } = connect();
        for (const { fromClient, body } of frames) {
          const [sender, receiver] = fromClient ? [client, server] : [server, client];
          assert.equal(JSON.stringify(receiver.open(sender.seal(body))), JSON.stringify(body));
        }
      }),
    );
  });

  test('puts session, direction, number and body into each token, numbered from 0 each way', () => {
    const { server, client, session } = connect();
    const limits = { now: start, maxAgeSeconds: 60, maxSkewSeconds: 60 };
    const read = (frame: string): unknown => JSON.parse(Buffer.from(openFernet(key, frame, limits)).toString('utf8'));
    assert.deepEqual(read(server.seal({ type: 'welcome' })), { s: session, d: 's2c', n: 0, body: { type: 'welcome' } });
    assert.deepEqual(read(client.seal({ type: 'ping' })), { s: session, d: 'c2s', n: 0, body: { type: 'ping' } });
    assert.deepEqual(read(client.seal({ type: 'ping' })), { s: session, d: 'c2s', n: 1, body: { type: 'ping' } });
  });

  test('refuses a frame replayed', () => {
    const { server, client } = connect();
    const frame = client.seal({ type: 'message', text: 'pay' });
    server.open(frame);
    assert.throws(() => server.open(frame), refusedWith('wrong_number'));
  });

  test('refuses frames reordered or dropped', () => {
    const { server, client } = connect();
    client.seal('first');
    const second = client.seal('second');
    assert.throws(() => server.open(second), refusedWith('wrong_number'));
  });

  test('refuses its own frame reflected, on both sides', () => {
    const { server, client } = connect();
    assert.throws(() => server.open(server.seal('hello')), refusedWith('wrong_direction'));
    assert.throws(() => client.open(client.seal('hello')), refusedWith('wrong_direction'));
  });

  test('refuses a frame of another connection under the same key', () => {
    const { client } = connect();
    const { server } = connect();
    assert.throws(() => server.open(client.seal('hello')), refusedWith('wrong_session'));
  });

  test('refuses a frame of another key', () => {
    const { client } = connect({ sharedKey: fernetKeyFromBytes(randomBytes(32)) });
    const { server } = connect();
    assert.throws(() => server.open(client.seal('hello')), refusedWith('bad_token'));
  });

  test('refuses a frame kept for later, and one from ahead of its clock', () => {
    for (const shift of [61_000, -61_000]) {
      const { server, client, time } = connect();
      const frame = client.seal('hello');
      time.now = start + shift;
      assert.throws(() => server.open(frame), refusedWith('stale_token'));
    }
  });

  test('refuses to be talked down to clear text', () => {
    for (const frame of ['{"type":"ping"}', ' \n{"type":"ping"}']) {
      const { server } = connect();
      assert.throws(() => server.open(frame), refusedWith('plaintext'));
    }
  });

  test('refuses anything that is no canonical token', () => {
    const token = connect().client.seal('hello');
    for (const frame of ['', 'ping', '[]', '\u0000', token.slice(1), `${token}\n`, `${token}=`]) {
      const { server } = connect();
      assert.throws(() => server.open(frame), refusedWith('bad_token'), JSON.stringify(frame));
    }
  });

  test('refuses a sealed envelope that is incomplete or of wrong types', () => {
    const cases: readonly (readonly [(session: string) => string | Uint8Array, ChannelErrorCode])[] = [
      [() => 'not json', 'bad_envelope'],
      [() => 'null', 'bad_envelope'],
      [() => '"text"', 'bad_envelope'],
      [() => '[]', 'bad_envelope'],
      [() => Uint8Array.of(0xff, 0xfe), 'bad_envelope'],
      [(s) => JSON.stringify({ s, d: 'c2s', n: 0 }), 'bad_envelope'],
      [() => JSON.stringify({ d: 'c2s', n: 0, body: 1 }), 'wrong_session'],
      [(s) => JSON.stringify({ s: [s], d: 'c2s', n: 0, body: 1 }), 'wrong_session'],
      [(s) => JSON.stringify({ s, n: 0, body: 1 }), 'wrong_direction'],
      [(s) => JSON.stringify({ s, d: 'c2s', n: '0', body: 1 }), 'wrong_number'],
      [(s) => JSON.stringify({ s, d: 'c2s', n: -1, body: 1 }), 'wrong_number'],
      [(s) => JSON.stringify({ s, d: 'c2s', n: null, body: 1 }), 'wrong_number'],
    ];
    for (const [plaintext, code] of cases) {
      const { server, session } = connect();
      assert.throws(() => server.open(sealText(plaintext(session))), refusedWith(code), String(plaintext(session)));
    }
  });

  test('tolerates fields it does not know in the envelope', () => {
    const { server, session } = connect();
    assert.equal(server.open(sealText(JSON.stringify({ s: session, d: 'c2s', n: 0, body: 'hello', later: true }))), 'hello');
  });

  test('accepts nothing more after one refusal, even the frame that was due', () => {
    const { server, client } = connect();
    const due = client.seal('hello');
    assert.throws(() => server.open('garbage'), refusedWith('bad_token'));
    assert.throws(() => server.open(due), refusedWith('closed'));
  });
});
