import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from 'uqr';
import { readQr, type Picture } from './read-qr.ts';

/** A picture with four pixels and a bit for each module, as a browser would scale it. */
function drawn(text: string, flip = -1): Picture {
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const width = Math.round(size * 4.07);
  const pixels = Array.from({ length: width * width }, (_, at) => {
    const [y, x] = [Math.floor(at / width / 4.07), Math.floor((at % width) / 4.07)];
    const dark = (data[y]?.[x] ?? false) !== (y * size + x === flip);
    return [...Array.from({ length: 3 }, () => (dark ? 0 : 255)), 255];
  });
  return { width, height: width, pixels: pixels.flat() };
}

describe('reading a QR code', () => {
  for (const length of [110, 122, 140, 170, 200]) {
    it(`of ${length} bytes gives what was encoded`, () => {
      const text = `otpauth://totp/${'aZ9%:'.repeat(60)}`.slice(0, length);
      assert.equal(readQr(drawn(text)), text);
    });
  }
  it('does not overlook a wrong module', () => {
    const text = 'otpauth://totp/'.padEnd(120, 'x');
    const { size } = encode(text, { ecc: 'M', border: 4 });
    assert.notEqual(readQr(drawn(text, (size - 24) * size + size - 6)), text);
  });
});
