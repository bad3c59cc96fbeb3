import type { z } from 'zod';
import type { BridgeAnswer } from './endpoints/bridge.ts';
import { ServiceError } from './errors.ts';

type Answer = z.infer<typeof BridgeAnswer>;
export type BridgeDecision = 'discard' | 'retry';

/** How long an answer is tried, in milliseconds. */
export const answerLifeMs = 86_400_000;

/**
 * What an answer becomes by the owner's decision at `now` (milliseconds). Who stores it does so in one step with having read it, and
 * refuses from then on whatever was read before: `decisions` has grown. Never is anything sent again that may have arrived.
 * @throws ServiceError `conflict` where the decision comes too late, or would have something sent twice
 */
export function decided(answer: Answer, decision: BridgeDecision, now: number): Answer {
  const arrived = answer.state === 'delivered' || (answer.state === 'pending' && answer.nextPart >= answer.parts.length);
  if (arrived) throw new ServiceError('conflict', 'It has arrived by now.', { hint: 'Nothing is left to do.' });
  if (answer.state === 'discarded') {
    if (decision === 'discard') return answer;
    throw new ServiceError('conflict', 'It was discarded.', { hint: 'Write it again where it is still wanted.' });
  }
  const underWay = answer.state === 'pending' && (answer.sendingUntil ?? 0) > now;
  const decisions = (answer.decisions ?? 0) + 1;
  if (decision === 'discard') {
    if (underWay && answer.nextPart >= answer.parts.length - 1) throw beingSent('It cannot be held back any more.');
    return { ...answer, ...(answer.state === 'held' ? { ending: 'held' } : {}), state: 'discarded', decisions };
  }
  if (underWay) throw beingSent('No other attempt is needed.');
  if (answer.state === 'failed' && answer.ending !== 'expired') throw new ServiceError('conflict', `It is not tried again. ${notAgain[answer.ending ?? 'unknown']}`, { hint: 'Discard it, and write again where that is still wanted.' });
  const fresh = answer.state === 'failed' || answer.expiresAt <= now;
  const { ending: _, ...rest } = answer;
  return { ...rest, state: answer.state === 'held' ? 'held' : 'pending', decisions, nextTryAt: now, expiresAt: fresh ? now + answerLifeMs : answer.expiresAt };
}

/** Whether it can be tried once more, as far as it is not sent at this moment. */
export const canRetry = ({ state, ending }: { readonly state: Answer['state']; readonly ending?: Answer['ending'] }): boolean => state === 'pending' || state === 'held' || (state === 'failed' && ending === 'expired');

const beingSent = (so: string): ServiceError => new ServiceError('conflict', `It is being sent right now. ${so}`, { hint: 'Look again in a minute: it has arrived by then, or can be decided about.' });

const notAgain: Readonly<Record<Exclude<Answer['ending'], 'expired' | undefined> | 'unknown', string>> = {
  held: 'OpenClaw took it into its own queue, and may have delivered it.',
  partial: 'Only a part of it arrived, and sending it again would repeat that part.',
  stopped: 'A lockdown, a cancelled turn or a messenger that was turned off has stopped it.',
  unknown: 'It ended before this version of MegaBot, which cannot tell whether it would come twice.',
};
