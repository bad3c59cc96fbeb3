import assert from 'node:assert/strict';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import type { RealOpenClaw } from './real-openclaw.ts';

export interface RestartsScenario {
  readonly openclaw: RealOpenClaw;
  /** Who writes: their ids on the platform. */
  readonly people: readonly string[];
  /** Messages of each. */
  readonly rounds: number;
  /** Spread evenly over the messages, one after the other; each resolves when what it ended is back. */
  readonly restarts: readonly (() => Promise<void>)[];
}

export interface RestartsOutcome {
  /** Of each person, in order: what they wrote, and what an answer came to, as often as it came. */
  readonly people: readonly { readonly wrote: readonly string[]; readonly answered: readonly string[] }[];
  /** What no history of OpenClaw's holds. */
  readonly lostByOpenClaw: readonly string[];
}

/** Between two messages of all: OpenClaw joins what one person writes in quick succession. */
const pauseMs = 300;
/** How many may wait for their answer before the next is written: OpenClaw's agent works on each, one by one. */
const mostWaiting = 25;
/** After this long without an answer, OpenClaw's history is asked whether there are more to come. */
const quietMs = 20_000;
/** Whatever would come a second time has come by then. */
const afterwardsMs = 10_000;
const patienceMs = 300_000;

/**
 * Many messages of several people, while what is between them and their answers is restarted again and again. Fails when one
 * that OpenClaw's history holds is not answered in the end.
 */
export async function throughRestarts({ openclaw, people, rounds, restarts }: RestartsScenario): Promise<RestartsOutcome> {
  const run = Date.now().toString(36).slice(-5);
  // Short, so that the answer to several that OpenClaw joined holds them all.
  const wrote = people.map((_, person) => Array.from({ length: rounds }, (__, round) => `w${person + 1}x${round}x${run}`));
  const everything = wrote.flat();
  const wordsIn = (text: string): string[] => [...new Set(text.match(new RegExp(`w\\d+x\\d+x${run}`, 'g')))];
  const answered = async (): Promise<string[][]> => {
    const sent = await openclaw.sent();
    return people.map((person) => sent.filter(({ chat }) => chat === person).flatMap(({ text }) => wordsIn(text)));
  };
  const howMany = async (): Promise<number> => new Set((await answered()).flat()).size;
  const history = async (): Promise<ReadonlySet<string>> => new Set((await openclaw.history()).flatMap(wordsIn));

  let lost = 0;
  /** Waits until no more than `open` of the first `written` wait for an answer that can still come. */
  const settle = async (written: number, open: number): Promise<void> => {
    let [last, since, asked] = [-1, 0, 0];
    for (;;) {
      const [count, now] = [await howMany(), performance.now()];
      if (written - lost - count <= open) return;
      if (count !== last) [last, since, asked] = [count, now, now];
      if (now - since > patienceMs) assert.fail(`of ${written} messages ${count} were answered, OpenClaw holds ${written - lost}, and for ${patienceMs / 1_000} s no answer came`);
      if (now - asked > quietMs) {
        asked = now;
        // OpenClaw may just be restarting; then it is asked again.
        lost = await history().then((known) => written - known.size, () => lost);
      }
      await sleep(200);
    }
  };

  let restarting = Promise.resolve();
  let begun = 0;
  for (let index = 0; index < everything.length; index++) {
    const person = index % people.length;
    await openclaw.write(people[person] ?? '', wrote[person]?.[Math.floor(index / people.length)] ?? '');
    const next = restarts[begun];
    if (next && index >= Math.floor((everything.length * (begun + 0.5)) / (restarts.length + 0.5))) {
      // One after the other, and each while messages go on coming.
      await restarting;
      begun += 1;
      restarting = next();
      // Awaited above or below; till then nobody else hears of a failure.
      restarting.catch(() => undefined);
    }
    await sleep(pauseMs);
    await settle(index + 1, mostWaiting);
  }
  await restarting;

  let known: ReadonlySet<string>;
  do {
    await settle(everything.length, 0);
    await sleep(afterwardsMs);
    // It may have been slower than quiet.
    known = await history();
    lost = everything.length - known.size;
  } while ((await howMany()) < known.size);
  const heard = await answered();
  return {
    people: wrote.map((words, person) => ({ wrote: words, answered: heard[person] ?? [] })),
    lostByOpenClaw: everything.filter((word) => !known.has(word)),
  };
}
