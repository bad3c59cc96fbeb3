import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { demultiplex } from './demultiplex.ts';
import { createOutputCollector } from './output-collector.ts';

function frame(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function* piecesOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? 7);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collected(source: AsyncIterable<Uint8Array>): Promise<string> {
  let said = '';
  for await (const { stream, bytes } of demultiplex(source)) said += `${stream}:${Buffer.from(bytes).toString('hex')};`;
  return said.replaceAll(/(std\w+):([0-9a-f]*);(?=\1:)/g, '');
}

suite("the engine's output stream", () => {
  test('is taken apart alike however the network cut it', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ minLength: 1, maxLength: 40 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), async (parts, sizes) => {
        const bytes = Buffer.concat(parts.map(([stream, payload]) => frame(stream, payload)));
        const got = { stdout: '', stderr: '' };
        for await (const chunk of demultiplex(piecesOf(bytes, sizes))) got[chunk.stream] += Buffer.from(chunk.bytes).toString('hex');
        const want = { stdout: '', stderr: '' };
        for (const [stream, payload] of parts) want[stream === 2 ? 'stderr' : 'stdout'] += Buffer.from(payload).toString('hex');
        assert.deepEqual(got, want);
      }),
      { numRuns: 60 },
    );
  });

  test('keeps the order of the streams', async () => {
    const bytes = Buffer.concat([frame(1, Buffer.from([1])), frame(2, Buffer.from([2])), frame(1, Buffer.from([3]))]);
    assert.equal(await collected(piecesOf(bytes, [3])), 'stdout:01;stderr:02;stdout:03;');
  });

  test('is refused when it is something else, or ends inside a frame', async () => {
    await assert.rejects(collected(piecesOf(Buffer.from('HTTP/1.1 500 Internal'), [5])), /not an output stream/);
    await assert.rejects(collected(piecesOf(frame(1, Buffer.from('abc')).subarray(0, 9), [4])), /inside a frame/);
    await assert.rejects(collected(piecesOf(frame(1, Buffer.from('abc')).subarray(0, 5), [4])), /inside a frame/);
  });
});

suite('the output of a run', () => {
  test('is kept in order up to the cap, and counted after it', () => {
    const passed: string[] = [];
    const collector = createOutputCollector(5, (stream, chunk) => passed.push(`${stream}:${Buffer.from(chunk).toString()}`));
    for (const [stream, word] of [['stdout', 'abc'], ['stderr', 'defg'], ['stdout', 'hi']] as const) collector.add(stream, Buffer.from(word));
    const { stdout, stderr } = collector.output();
    assert.deepEqual([Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), collector.droppedBytes], ['abc', 'de', 4]);
    assert.deepEqual(passed, ['stdout:abc', 'stderr:de']);
  });

  test('is a copy: a buffer that is used again does not change it', () => {
    const collector = createOutputCollector(5, () => undefined);
    const buffer = Buffer.from('abc');
    collector.add('stdout', buffer);
    buffer.fill(0);
    assert.equal(Buffer.from(collector.output().stdout).toString(), 'abc');
  });
});
