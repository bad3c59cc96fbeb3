export interface BodyWatch {
  readonly onData: () => void;
  readonly onError: (error: unknown) => void;
}

export interface WatchedBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Reads to the end what the reader left over, so that the connection can be used again. */
  drain(): Promise<void>;
}

/** No honest answer is longer, and a server that never stops must not fill the memory. */
export interface BodyLimits {
  readonly bytes: number;
  /** Libraries put a line together piece by piece, and look through all of it at each. */
  readonly lineBytes: number;
}

const mebibyte = 1024 * 1024;
/** A stream is read piece by piece, and a model may think at length; anything else is parsed as one value. */
export const streamLimits: BodyLimits = { bytes: 64 * mebibyte, lineBytes: 2 * mebibyte };
export const wholeLimits: BodyLimits = { bytes: 4 * mebibyte, lineBytes: 4 * mebibyte };

export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong';
}

const lineFeed = 0x0a;

/** Passes a response's body on, one chunk at a time, and reports what happens to it. */
export function watchBody(source: ReadableStream<Uint8Array>, limits: BodyLimits, watch: BodyWatch): WatchedBody {
  const reader = source.getReader();
  let size = 0;
  let line = 0;
  let givenUp = false;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (givenUp) return;
        if (done) return controller.close();
        watch.onData();
        size += value.length;
        const lastBreak = value.lastIndexOf(lineFeed);
        line = lastBreak === -1 ? line + value.length : value.length - lastBreak - 1;
        if (size > limits.bytes || line > limits.lineBytes) throw new AnswerTooLong('the answer is too long');
        controller.enqueue(value);
      } catch (error) {
        if (givenUp) return;
        watch.onError(error);
        controller.error(error);
      }
    },
    // The reader has what it wants; what becomes of the connection is decided by whoever drains or aborts it.
    cancel() {
      givenUp = true;
    },
  });
  return {
    stream,
    async drain() {
      for (let left = await reader.read(); !left.done; left = await reader.read());
    },
  };
}
