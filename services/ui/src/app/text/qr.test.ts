import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from 'uqr';
import { qrShape } from './qr.ts';

const uri = 'otpauth://totp/MegaBot:telegram%3A123456789?issuer=MegaBot&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30';

/** Draws the path again, module by module. */
function drawn({ size, path }: ReturnType<typeof qrShape>): boolean[][] {
  const cells = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [, x = '', y = '', length = ''] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let at = 0; at < Number(length); at++) cells[Number(y)]?.splice(Number(x) + at, 1, true);
  }
  return cells;
}

describe('the QR code of a secret', () => {
  it('draws every module of the code once, and nothing else', () => {
    const { data, size } = encode(uri, { ecc: 'M', border: 4 });
    assert.equal(qrShape(uri).size, size);
    assert.deepEqual(drawn(qrShape(uri)), data);
  });
  it('keeps four white modules on each side, and the three corners that a reader looks for', () => {
    const cells = drawn(qrShape(uri));
    const end = cells.length - 1;
    assert.ok(cells.every((row, y) => row.every((dark, x) => !dark || (Math.min(x, y) >= 4 && Math.max(x, y) <= end - 4))));
    for (const [x, y] of [[4, 4], [end - 10, 4], [4, end - 10]] as const) assert.deepEqual(cells[y]?.slice(x, x + 7), Array.from({ length: 7 }, () => true));
  });
});
