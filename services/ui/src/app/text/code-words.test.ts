import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isWaiting, nameOf, rowsOf, standing } from './code-words.ts';

const now = 1_900_000_000_000;
const ann = { platform: 'telegram', sender: '1001' };
const codes = (confirmed: boolean, ageMs: number) => ({ ...ann, confirmed, enrolledAt: now - ageMs, lastUsedAt: null });

describe('holders of one-time codes', () => {
  it('are the listed admins, and behind them those who have codes all the same', () => {
    const bob = { platform: 'discord', sender: '7' };
    assert.deepEqual(rowsOf([bob], [codes(true, 0)]).map(({ sender, listed }) => [sender, listed]), [['7', true], ['1001', false]]);
  });
  it('hide nothing in their names', () => assert.equal(nameOf({ platform: 'telegram', sender: '1\u202E2' }), 'telegram 1\\u{202E}2'));
  it('stand as they are: none, waiting for a first code, too late for one, in use, no admin any more', () => {
    const row = (listed: boolean, one: ReturnType<typeof codes> | null) => ({ ...ann, listed, codes: one });
    assert.match(standing(row(true, null), now), /^No codes yet/);
    assert.match(standing(row(true, codes(false, 60_000)), now), /waits ten minutes/);
    assert.match(standing(row(true, codes(false, 600_000)), now), /ten minutes are over/);
    assert.equal(isWaiting(row(true, codes(false, 600_000)), now), false);
    assert.match(standing(row(true, codes(true, 600_000)), now), /^In use since/);
    assert.match(standing(row(false, codes(true, 0)), now), /^No longer an admin/);
  });
});
