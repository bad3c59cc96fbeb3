import { status, submit } from '@megabot/contracts/endpoints/interlock.ts';
import { recall, remember } from '@megabot/contracts/endpoints/memory.ts';
import type { ClaimedTurn } from '@megabot/contracts/conversation.ts';
import type { Step } from './checkpoint.ts';
import { outcomeOf } from './outcome.ts';
import { refusalText } from './run-turn.ts';
import type { TurnSession } from './session.ts';
import { actionResult, deniedResult, recallResult } from './tool-result.ts';
import { memoryOperation } from './tools.ts';

/** The actions of a step that have no result yet. */
const openActions = (step: Step): Step['actions'] => step.actions.filter((action) => action.calls.some((call) => step.results[call] === null));

const setResult = (step: Step, calls: readonly number[], text: string): void => {
  for (const call of calls) step.results[call] = text;
};

/**
 * Does what a saved reply proposes, as far as it can be done now, and fills in the results. Actions are submitted under the
 * same keys however often this is repeated, so that none runs twice. Resolves to whether every call has its result.
 */
export async function advanceStep(turn: ClaimedTurn, stepIndex: number, step: Step, session: TurnSession, outputLimit: number): Promise<boolean> {
  for (const [index, call] of step.calls.entries()) {
    if (step.results[index] === null) await askMemory(turn, `${turn.id}:${stepIndex}:${index}`, step, index, call, session, outputLimit);
  }
  if (step.submitted) return await collect(step, session, outputLimit);
  for (const { key, calls, action } of openActions(step)) {
    try {
      const outcome = await session.call(submit, { action, ticket: turn.ticket, key });
      if (outcome.decision === 'deny') setResult(step, calls, deniedResult(outcome));
    } catch (error) {
      const refusal = refusalText(error);
      if (refusal === undefined) throw error;
      setResult(step, calls, `Not done. ${refusal}`);
    }
  }
  step.submitted = true;
  return openActions(step).length === 0;
}

async function collect(step: Step, session: TurnSession, outputLimit: number): Promise<boolean> {
  const open = openActions(step);
  if (open.length === 0) return true;
  const { actions } = await session.call(status, { keys: open.map(({ key }) => key) });
  for (const { key, calls } of open) {
    const state = actions.find((candidate) => candidate.key === key);
    const outcome = state && outcomeOf(state);
    if (outcome) setResult(step, calls, actionResult(outcome, outputLimit));
  }
  return openActions(step).length === 0;
}

async function askMemory(
  turn: ClaimedTurn,
  externalId: string,
  step: Step,
  index: number,
  call: Step['calls'][number],
  session: TurnSession,
  outputLimit: number,
): Promise<void> {
  const operation = memoryOperation(call);
  if (!operation) return;
  switch (operation.kind) {
    case 'remember':
      // The same external id on a repeat: remembered once.
      await session.call(remember, { items: [{ text: operation.text, kind: 'fact', session: turn.conversation, author: turn.principal, externalId: `turn:${externalId}` }] });
      setResult(step, [index], 'Kept in long-term memory.');
      return;
    case 'recall': {
      const { items } = await session.call(recall, { query: operation.query, k: 8 });
      setResult(step, [index], recallResult(items, outputLimit));
      return;
    }
  }
}
