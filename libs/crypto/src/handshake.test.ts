import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64url } from './base64url.ts';
import { authProof, constantTimeEquals, newNonce, sessionId, welcomeProof } from './handshake.ts';

const token = 'grün-token-of-22-characters';
const serverNonce = Uint8Array.from({ length: 32 }, (_, index) => index);
const clientNonce = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);

describe('the handshake', () => {
  // Computed with Python's hmac and hashlib from the text of the protocol.
  test('proves the token as the protocol writes it down', () => {
    assert.equal(authProof(token, serverNonce, clientNonce).toString('base64url'), 'LtGxslSYYFpe2AXrV3PK-8igPMi38qGjlr87p_IiiKw');
    assert.equal(welcomeProof(token, serverNonce, clientNonce).toString('base64url'), 'JclUWA9aIWcUEdd-AYhlDwej4SV8o0-ANu10Iw7Rrj0');
    assert.equal(sessionId(serverNonce, clientNonce), 'y9Oqvm1akSXw4IbO11bP9A');
  });

  test('gives a different proof for another token, other nonces, swapped nonces, or the other side', () => {
    const proofs = [
      authProof(token, serverNonce, clientNonce),
      welcomeProof(token, serverNonce, clientNonce),
      authProof(`${token}x`, serverNonce, clientNonce),
      authProof(token, clientNonce, serverNonce),
      authProof(token, newNonce(), clientNonce),
      authProof(token, serverNonce, newNonce()),
    ].map((proof) => proof.toString('hex'));
    assert.equal(new Set(proofs).size, proofs.length);
  });

  test('takes no nonce that is not 32 bytes', () => {
    for (const size of [0, 31, 33, 64]) {
      assert.throws(() => authProof(token, new Uint8Array(size), clientNonce), RangeError);
      assert.throws(() => welcomeProof(token, serverNonce, new Uint8Array(size)), RangeError);
      assert.throws(() => sessionId(new Uint8Array(size), clientNonce), RangeError);
    }
  });

  test('draws a fresh nonce of 32 bytes each time', () => {
    const nonces = new Set(Array.from({ length: 100 }, () => newNonce().toString('hex')));
    assert.equal(nonces.size, 100);
    assert.equal(newNonce().length, 32);
  });
});

test('secrets are equal exactly when their bytes are, whatever their lengths', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
      assert.equal(constantTimeEquals(a, b), Buffer.from(a).equals(Buffer.from(b)));
      assert.ok(constantTimeEquals(a, Uint8Array.from(a)));
    }),
  );
  assert.ok(constantTimeEquals('grün', Buffer.from('grün', 'utf8')));
});

test('base64url is read only in its canonical spelling and at its length', () => {
  const bytes = newNonce();
  const text = bytes.toString('base64url');
  assert.deepEqual(decodeBase64url(text, 32), bytes);
  for (const wrong of [`${text}=`, `${text}\n`, ` ${text}`, text.slice(1), `${text}A`, '', bytes.toString('base64')]) {
    assert.equal(decodeBase64url(wrong, 32), undefined, JSON.stringify(wrong));
  }
  assert.equal(decodeBase64url('AB', 1), undefined, 'the spare bits of the last character are not zero');
});
