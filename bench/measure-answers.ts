import { setTimeout as delay } from 'node:timers/promises';
import type { AnswerTimes, ChatTarget } from './chat.ts';

/** Answered first and not counted: compilation, connections and caches. */
const warmUps = 5;
/** An assistant goes on working after its answer, writing and tidying: the next one to be asked shall not pay for that. */
const restMs = 200;

/**
 * Asks every target in every round, and begins each round with another one, so that none always follows the same neighbour
 * and whatever else the machine does meets all alike.
 */
export async function measureAnswers(targets: readonly ChatTarget[], rounds: number, signal: AbortSignal): Promise<Map<string, AnswerTimes[]>> {
  const times = new Map<string, AnswerTimes[]>(targets.map((target) => [target.name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (let offset = 0; offset < targets.length; offset++) {
      signal.throwIfAborted();
      const target = targets[(round + warmUps + offset) % targets.length];
      if (!target) continue;
      const taken = await target.ask();
      if (round >= 0) times.get(target.name)?.push(taken);
      await delay(restMs);
    }
  }
  return times;
}
