import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { generateSecret, keyPairFromSeed, signText, verifyText } from './ed25519.ts';

// RFC 8032 §7.1, TEST 1 to TEST 3: seed, public key, message, signature.
const vectors = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

const fromHex = (hex: string) => Buffer.from(hex, 'hex');
const toText = (hex: string) => fromHex(hex).toString('base64url');

describe('signatures', () => {
  for (const [index, vector] of vectors.entries()) {
    test(`are those of RFC 8032, test ${index + 1}`, () => {
      const pair = keyPairFromSeed(toText(vector.seed));
      assert.equal(pair.publicKey, toText(vector.publicKey));
      assert.equal(signText(pair.privateKey, fromHex(vector.message)), toText(vector.signature));
      assert.ok(verifyText(pair.publicKey, fromHex(vector.message), toText(vector.signature)));
    });
  }

  test('verify over exactly the bytes signed and under exactly the key that signed', () => {
    const pair = keyPairFromSeed(generateSecret());
    const other = keyPairFromSeed(generateSecret());
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.integer({ min: 0, max: 7 }), (bytes, place, bit) => {
        const signature = signText(pair.privateKey, bytes);
        assert.ok(verifyText(pair.publicKey, bytes, signature));
        assert.ok(!verifyText(other.publicKey, bytes, signature));
        const changed = Uint8Array.from(bytes);
        changed[place % changed.length]! ^= 1 << bit;
        assert.ok(!verifyText(pair.publicKey, changed, signature));
        const forged = Buffer.from(signature, 'base64url');
        forged[place % forged.length]! ^= 1 << bit;
        assert.ok(!verifyText(pair.publicKey, bytes, forged.toString('base64url')));
      }),
      { numRuns: 50 },
    );
  });

  test('verify nothing, and throw nothing, where key or signature cannot be read', () => {
    const pair = keyPairFromSeed(generateSecret());
    const bytes = Buffer.from('permit');
    const signature = signText(pair.privateKey, bytes);
    for (const wrong of ['', 'x', `${signature}=`, `${signature}\n`, signature.slice(0, -2), `${signature}AA`]) {
      assert.equal(verifyText(pair.publicKey, bytes, wrong), false, JSON.stringify(wrong));
    }
    for (const wrong of ['', 'x', `${pair.publicKey}=`, pair.publicKey.slice(1), 'A'.repeat(43), '_'.repeat(42) + '8']) {
      assert.equal(verifyText(wrong, bytes, signature), false, JSON.stringify(wrong));
    }
  });
});

test('a seed of another shape is refused without being repeated', () => {
  for (const seed of ['', 'short', `${generateSecret()}=`, ` ${generateSecret()}`, 'A'.repeat(44)]) {
    assert.throws(
      () => keyPairFromSeed(seed),
      (error: unknown) => error instanceof TypeError && (seed === '' || !error.message.includes(seed)),
    );
  }
});

test('a secret is 32 random bytes in base64url', () => {
  const secrets = Array.from({ length: 100 }, generateSecret);
  assert.equal(new Set(secrets).size, 100);
  for (const secret of secrets) assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
});
