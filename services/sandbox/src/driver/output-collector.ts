import type { OutputChunk, OutputStream, RunOutput } from './port.ts';

export interface OutputCollector {
  add(stream: OutputStream, bytes: Uint8Array): void;
  output(): RunOutput;
  readonly droppedBytes: number;
}

/** Keeps the first `maxBytes` of both streams together, in order, and counts the rest. What is kept is passed on as it comes. */
export function createOutputCollector(maxBytes: number, onKept: (stream: OutputStream, chunk: Uint8Array) => void): OutputCollector {
  const chunks: OutputChunk[] = [];
  let kept = 0;
  let dropped = 0;
  return {
    add(stream, bytes) {
      const room = Math.min(bytes.byteLength, maxBytes - kept);
      dropped += bytes.byteLength - room;
      if (room === 0) return;
      // A copy: the caller's buffer may be a small part of a large one, and be used again.
      const piece = Uint8Array.from(bytes.subarray(0, room));
      kept += room;
      chunks.push({ stream, bytes: piece });
      onKept(stream, piece);
    },
    output: () => ({ stdout: joined(chunks, 'stdout'), stderr: joined(chunks, 'stderr'), chunks }),
    get droppedBytes() {
      return dropped;
    },
  };
}

function joined(chunks: readonly OutputChunk[], stream: OutputStream): Uint8Array {
  return Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.bytes));
}
