import type { OutputChunk } from './port.ts';

/**
 * Takes apart the engine's attach stream: frames of an 8-byte header (stream 1 or 2, three zeros, length in big endian)
 * and their payload. Payload is passed on as it arrives, not frame by frame, so a large frame needs no memory.
 * Source: Docker Engine API, "Attach to a container", stream format.
 * @throws Error when the bytes are not such a stream, or when it ends inside a frame.
 */
export async function* demultiplex(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk> {
  let header = Buffer.alloc(0);
  let stream: OutputChunk['stream'] = 'stdout';
  let remaining = 0;
  for await (const chunk of source) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (remaining > 0) {
        const bytes = rest.subarray(0, remaining);
        rest = rest.subarray(bytes.length);
        remaining -= bytes.length;
        yield { stream, bytes };
        continue;
      }
      const missing = 8 - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length < 8) continue;
      const kind = header[0];
      if (kind === undefined || kind > 2 || header.readUIntBE(1, 3) !== 0) throw new Error('the engine sent something that is not an output stream');
      stream = kind === 2 ? 'stderr' : 'stdout';
      remaining = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
  if (remaining > 0 || header.length > 0) throw new Error('the output stream of the engine ended inside a frame');
}
