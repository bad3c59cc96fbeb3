import { z } from 'zod';
import { Action, ActionKey } from '@megabot/contracts/action.ts';

/** A tool call of a saved reply. Malformed arguments are not kept: nothing but the complaint about them is needed again. */
const SavedCall = z.object({ id: z.string(), name: z.string(), arguments: z.record(z.string(), z.json()) });

/** One reply of the model, and what became of the calls in it. */
const Step = z.object({
  text: z.string(),
  calls: z.array(SavedCall),
  /** One a call; null until it is known. */
  results: z.array(z.string().nullable()),
  /** What is submitted to the interlock, each for one call, or for several that were put together. */
  actions: z.array(z.object({ key: ActionKey, calls: z.array(z.number().int().nonnegative()).min(1), action: Action })),
  submitted: z.boolean(),
});
export type Step = z.infer<typeof Step>;

/** What a chat turn has reached. A reply is in it before anything that it proposes is done. */
export const ChatCheckpoint = z.object({ version: z.literal(1), kind: z.literal('chat'), steps: z.array(Step) });
export type ChatCheckpoint = z.infer<typeof ChatCheckpoint>;

/** A run turn has one action; all there is to know is that it was submitted. */
export const RunCheckpoint = z.object({ version: z.literal(1), kind: z.literal('run') });

/**
 * Reads what an earlier attempt saved. A checkpoint of another version counts as none: the turn begins anew, and since
 * its actions have the same keys, nothing is done twice.
 */
export function readChatCheckpoint(saved: unknown): Step[] {
  const parsed = ChatCheckpoint.safeParse(saved);
  return parsed.success ? parsed.data.steps : [];
}

export const chatCheckpoint = (steps: readonly Step[]): ChatCheckpoint => ({ version: 1, kind: 'chat', steps: [...steps] });
export const runCheckpoint = { version: 1, kind: 'run' } as const;
