import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size } from './size.ts';

for (const [bytes, words] of [[0, '0 B'], [1_023, '1023 B'], [1_024, '1.0 KiB'], [1_536, '1.5 KiB'], [10_240, '10 KiB'], [3_565_158, '3.4 MiB'], [268_435_456, '256 MiB'], [5_368_709_120, '5.0 GiB']] as const) {
  test(`${bytes} bytes are ${words}`, () => assert.equal(size(bytes), words));
}
