import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scramVerifier } from './scram.ts';

describe('a SCRAM verifier', () => {
  it('matches the example exchange of RFC 7677, section 3', () => {
    const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
    assert.equal(
      verifier,
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });
  it('differs each time for the same password', () => {
    assert.notEqual(scramVerifier('pencil'), scramVerifier('pencil'));
  });
  for (const password of ['', 'naïve', 'line\nbreak']) {
    it(`is refused for ${JSON.stringify(password)} without repeating it`, () => {
      assert.throws(() => scramVerifier(password), (error: unknown) => error instanceof RangeError && (password === '' || !error.message.includes(password)));
    });
  }
});
