import type { IncomingMessage } from 'node:http';

/** What became of a body: all of its bytes, or why they were not waited for. */
export type ReadBody = { readonly kind: 'whole'; readonly bytes: Buffer } | { readonly kind: 'too_large' | 'crowded_out' | 'broken' };

export interface BodyLimits {
  /** Bytes of one body; the gateway takes no more either. */
  readonly maxBytes: number;
  /** Bytes of all unfinished bodies together. */
  readonly maxTotalBytes: number;
  /** Unfinished bodies at once. */
  readonly maxUnfinished: number;
}

export const defaultBodyLimits: BodyLimits = { maxBytes: 1_048_576, maxTotalBytes: 32 * 1_048_576, maxUnfinished: 256 };

/** Read and forgotten of a body that is too long, so that its sender reads the answer instead of a broken connection. */
const maxDiscardedBytes = 16 * 1_048_576;

interface Unfinished {
  bytes: number;
  crowdOut(): void;
}

/**
 * Reads bodies whole before anything is asked of the gateway, so that a sender who takes its time holds nothing there that
 * others wait for. Where too much is unfinished, the body that began first makes room: an honest one is over in moments.
 */
export function createBodies(limits: BodyLimits): { read(request: IncomingMessage): Promise<ReadBody> } {
  // In the order they began.
  const unfinished = new Set<Unfinished>();
  let total = 0;

  const makeRoom = (): void => {
    for (const oldest of unfinished) {
      if (unfinished.size <= limits.maxUnfinished && total <= limits.maxTotalBytes) return;
      oldest.crowdOut();
    }
  };

  return {
    async read(request) {
      const declared = Number(request.headers['content-length'] ?? 0);
      // Whoever asked whether to go on waits for the answer and has sent nothing yet.
      if (declared > limits.maxBytes && request.headers.expect !== undefined) return { kind: 'too_large' };
      return await new Promise<ReadBody>((resolve) => {
        const chunks: Buffer[] = [];
        let discarded = 0;
        const mine: Unfinished = { bytes: 0, crowdOut: () => end({ kind: 'crowded_out' }) };
        const tooLarge = (): boolean => mine.bytes + discarded > limits.maxBytes;

        const end = (outcome: ReadBody): void => {
          if (!unfinished.delete(mine)) return;
          total -= mine.bytes;
          request.off('data', take).off('end', finish).off('error', breakOff).off('close', breakOff);
          resolve(outcome);
        };
        const take = (chunk: Buffer): void => {
          if (mine.bytes + discarded + chunk.length > limits.maxBytes) {
            discarded += mine.bytes + chunk.length;
            total -= mine.bytes;
            mine.bytes = 0;
            chunks.length = 0;
            if (discarded > maxDiscardedBytes) end({ kind: 'too_large' });
            return;
          }
          chunks.push(chunk);
          mine.bytes += chunk.length;
          total += chunk.length;
          makeRoom();
        };
        const finish = (): void => end(tooLarge() ? { kind: 'too_large' } : { kind: 'whole', bytes: Buffer.concat(chunks) });
        const breakOff = (): void => end({ kind: 'broken' });

        unfinished.add(mine);
        request.on('data', take).on('end', finish).on('error', breakOff).on('close', breakOff);
        makeRoom();
      });
    },
  };
}
