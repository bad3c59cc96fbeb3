import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OutputStream } from './driver/port.ts';
import { createOutputPublisher } from './output-publisher.ts';

type Sent = { stream: OutputStream; index: number; chunk: string };

function publisher(options: { flushMs?: number; maxChunk?: number; send?: (sent: Sent) => Promise<void> } = {}) {
  const sent: Sent[] = [];
  const created = createOutputPublisher({
    flushMs: options.flushMs ?? 60_000,
    maxChunk: options.maxChunk ?? 100,
    send: async (stream, index, chunk) => {
      await options.send?.({ stream, index, chunk });
      sent.push({ stream, index, chunk });
    },
  });
  const add = (text: string | Uint8Array, stream: OutputStream = 'stdout'): void => created.add(stream, typeof text === 'string' ? Buffer.from(text) : text);
  return { sent, add, finish: created.finish };
}
const tick = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

suite('live output', () => {
  test('goes out at once the first time, and is gathered from then on', async () => {
    const { sent, add, finish } = publisher();
    add('first');
    await tick();
    assert.deepEqual(sent, [{ stream: 'stdout', index: 0, chunk: 'first' }]);
    add('a');
    add('b');
    await tick();
    assert.equal(sent.length, 1);
    await finish();
    assert.deepEqual(sent[1], { stream: 'stdout', index: 1, chunk: 'ab' });
  });

  test('is sent without an end of the run when it was held back long enough', async () => {
    let arrived: (() => void) | undefined;
    const second = new Promise<void>((resolve) => (arrived = resolve));
    const { add } = publisher({ flushMs: 5, send: async ({ index }) => (index === 1 ? arrived?.() : undefined) });
    add('first');
    add('second');
    await second;
  });

  test('is sent at once when much of it is held back', async () => {
    const { sent, add } = publisher({ maxChunk: 4 });
    add('x');
    add('12345');
    await tick();
    assert.equal(sent[1]?.chunk, '12345');
  });

  test('never mixes the streams in a chunk and keeps their order', async () => {
    const { sent, add, finish } = publisher();
    add('0');
    add('out');
    add('err', 'stderr');
    add('out again');
    await finish();
    assert.deepEqual(sent.map(({ stream, index, chunk }) => `${index} ${stream} ${chunk}`), ['0 stdout 0', '1 stdout out', '2 stderr err', '3 stdout out again']);
  });

  test('keeps a character whole that two pieces share, and marks one that never ends', async () => {
    const { sent, add, finish } = publisher();
    const euro = Buffer.from('€');
    add(euro.subarray(0, 2));
    await tick();
    assert.deepEqual(sent, []);
    add(euro.subarray(2));
    add(euro.subarray(0, 2));
    await finish();
    assert.equal(sent.map(({ chunk }) => chunk).join(''), '€\u{FFFD}');
  });

  test('arrives in order though a send is slow, and the end waits for all of it', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { sent, add, finish } = publisher({ maxChunk: 1, send: async ({ index }) => (index === 0 ? await held : undefined) });
    add('a');
    add('b');
    const finished = finish();
    await tick();
    assert.deepEqual(sent, []);
    release?.();
    await finished;
    assert.deepEqual(sent.map(({ chunk }) => chunk), ['a', 'b']);
  });
});
