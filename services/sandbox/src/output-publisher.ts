import type { OutputStream } from './driver/port.ts';

export interface OutputPublisher {
  add(stream: OutputStream, bytes: Uint8Array): void;
  /** Sends what is held back and resolves when everything was handed over or given up. */
  finish(): Promise<void>;
}

export interface OutputPublisherOptions {
  /** How long output may be held back to be sent with more of it, in milliseconds. */
  readonly flushMs: number;
  /** A chunk is sent at once when this many characters are held back. */
  readonly maxChunk: number;
  /** Sends one chunk; a rejection means that it is lost to live viewers, the stored result still has it. */
  readonly send: (stream: OutputStream, index: number, chunk: string) => Promise<void>;
}

/**
 * Turns a run's bytes into ordered text chunks for live viewers: a character cut by a chunk's end is completed first, and
 * the first output goes out at once.
 */
export function createOutputPublisher(options: OutputPublisherOptions): OutputPublisher {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let held: { stream: OutputStream; text: string } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let index = 0;
  let lastSentAt = -Infinity;
  let sending: Promise<void> = Promise.resolve();

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!held || held.text === '') return;
    const { stream, text } = held;
    held = undefined;
    lastSentAt = performance.now();
    const at = index++;
    sending = sending.then(() => options.send(stream, at, text));
  };
  const addText = (stream: OutputStream, text: string) => {
    if (text === '') return;
    if (held && held.stream !== stream) flush();
    held = { stream, text: (held?.text ?? '') + text };
    const quietFor = performance.now() - lastSentAt;
    if (held.text.length >= options.maxChunk || quietFor >= options.flushMs) flush();
    else timer ??= setTimeout(flush, options.flushMs - quietFor);
  };

  return {
    add(stream, bytes) {
      addText(stream, decoders[stream].decode(bytes, { stream: true }));
    },
    async finish() {
      for (const stream of ['stdout', 'stderr'] as const) addText(stream, decoders[stream].decode());
      flush();
      await sending;
    },
  };
}
