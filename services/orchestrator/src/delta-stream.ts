import type { Bus } from '@megabot/bus/port.ts';
import { delta } from '@megabot/contracts/events.ts';

export interface DeltaStream {
  /** Begins the text of a step. `earlier` is what came before in this turn: whoever joins with this attempt sees all of it. */
  begin(earlier: string): void;
  push(text: string): void;
  /** Sends what is left; resolves once it is on its way, in front of whatever is sent afterwards. */
  flush(): Promise<void>;
  /** Resolves when nothing is on its way any more. */
  settled(): Promise<void>;
}

/** Between two paragraphs of one turn, each from another reply. */
export const stepSeparator = '\n\n';

export interface DeltaStreamOptions {
  readonly conversation: string;
  readonly turnId: string;
  readonly attempt: number;
  /** How long text is collected before it is sent, but for the first, which goes at once. */
  readonly everyMs?: number;
}

/**
 * Publishes the text of one attempt at a turn in numbered pieces. A piece that cannot be published is lost without harm:
 * the answer is stored whole, and the stream is only there to be watched.
 */
export function createDeltaStream(options: DeltaStreamOptions, deps: { bus: Bus; onLost: (error: unknown) => void }): DeltaStream {
  const { conversation, turnId, attempt, everyMs = 40 } = options;
  const pending = new Set<Promise<void>>();
  let index = 0;
  let collected = '';
  let prefix = '';
  let timer: NodeJS.Timeout | undefined;

  function send(): void {
    clearTimeout(timer);
    timer = undefined;
    if (collected === '') return;
    const text = collected;
    collected = '';
    const mine = deps.bus
      .publish(delta, { conversation, turnId, attempt, index, text }, { conversation, id: `${turnId}:${attempt}:d${index}` })
      .catch(deps.onLost)
      .finally(() => pending.delete(mine));
    pending.add(mine);
    index += 1;
  }

  return {
    begin(earlier) {
      if (earlier === '') prefix = '';
      else prefix = index === 0 && collected === '' ? `${earlier}${stepSeparator}` : stepSeparator;
    },
    push(text) {
      if (text === '') return;
      collected += prefix + text;
      prefix = '';
      if (index === 0) send();
      else timer ??= setTimeout(send, everyMs);
    },
    async flush() {
      send();
      // Not its acknowledgement: a turn of the event loop puts the bytes on the connection, and that fixes the order.
      await new Promise((resolve) => setImmediate(resolve));
    },
    async settled() {
      clearTimeout(timer);
      await Promise.all(pending);
    },
  };
}
