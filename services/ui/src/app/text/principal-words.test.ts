import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { guestOf, principalWords } from './principal-words.ts';

describe('who asks', () => {
  it('is somebody behind a messenger, with whatever their id holds', () => {
    assert.deepEqual(guestOf('bridge:matrix:default:@ann:example.org'), { platform: 'matrix', account: 'default', sender: '@ann:example.org' });
  });
  for (const other of ['owner', 'device:phone', 'bridge:telegram', 'bridge:::', '', undefined]) it(`is nobody behind a messenger: ${String(other)}`, () => assert.equal(guestOf(other), null));
  it('is said in words, with nothing hidden', () => {
    assert.equal(principalWords('bridge:telegram:default:10\u202E01'), '10\\u{202E}01 on Telegram');
    assert.equal(principalWords('device:phone'), 'device:phone');
  });
});
