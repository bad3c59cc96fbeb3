import assert from 'node:assert/strict';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import type { RealOpenClaw } from './real-openclaw.ts';
import { http, type Doors } from './talk.ts';

/** Somebody on a messenger who asks for commands, and an owner who approves each as soon as it is announced there. */
export interface Asker extends AsyncDisposable {
  /** Asks for the next command, unless the last has not been answered yet. */
  ask(): Promise<void>;
  /** What was asked for so far, in order. */
  readonly asked: readonly string[];
  /** Short ids of the announced approvals, each as often as it was announced. */
  announced(): Promise<readonly string[]>;
  /** Answers to commands, in order. */
  answers(): Promise<readonly string[]>;
  /** Until every command is answered. */
  finished(): Promise<void>;
}

const patienceMs = 60_000;
const lookEveryMs = 500;
const announcement = /^Approval (\w+)/;

export function createAsker(openclaw: RealOpenClaw, doors: () => Doors, chat: string): Asker {
  const asked: string[] = [];
  const decided = new Set<string>();
  const told = async (): Promise<string[]> => (await openclaw.sent()).filter((sent) => sent.chat === chat).map(({ text }) => text);
  const announced = async (): Promise<string[]> => (await told()).flatMap((text) => announcement.exec(text)?.[1] ?? []);
  const approve = async (): Promise<void> => {
    for (const id of new Set(await announced())) {
      if (decided.has(id)) continue;
      // A gateway that is just restarting is asked again the next time.
      const status = await http(doors(), 'POST', `/api/v1/approvals/${id}`, { decision: 'approve' }).then((answer) => answer.status, () => 0);
      // 409: it was decided by an earlier attempt, whose answer was lost.
      if (status === 200 || status === 409) decided.add(id);
    }
  };
  const ending = new AbortController();
  const owner = (async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await approve();
      await sleep(lookEveryMs);
    }
  })();

  const asker: Asker = {
    asked,
    async ask() {
      if ((await asker.answers()).length < asked.length) return;
      const line = `line${asked.length + 1}`;
      asked.push(line);
      // A command that ran twice would leave its line twice.
      await openclaw.write(chat, `!run echo ${line} >> lines; cat lines`);
    },
    announced,
    answers: async () => (await told()).filter((text) => !announcement.test(text)),
    async finished() {
      const deadline = performance.now() + patienceMs;
      while ((await asker.answers()).length < asked.length) {
        if (performance.now() > deadline) assert.fail(`of ${asked.length} commands not all were answered: ${JSON.stringify(await told())}`);
        await sleep(lookEveryMs);
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await owner;
    },
  };
  return asker;
}
