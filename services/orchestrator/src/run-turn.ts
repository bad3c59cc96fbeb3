import { status, submit } from '@megabot/contracts/endpoints/interlock.ts';
import type { ClaimedTurn } from '@megabot/contracts/conversation.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { runCheckpoint, RunCheckpoint } from './checkpoint.ts';
import { outcomeOf } from './outcome.ts';
import { typedCommand } from './run-command.ts';
import { runAnswer } from './run-answer.ts';
import type { TurnSession } from './session.ts';

/** Works on a turn that runs one command as the person typed it; no model has a part in it. */
export async function workOnRun(turn: ClaimedTurn, session: TurnSession): Promise<'waiting' | 'done' | 'failed'> {
  const command = turn.command ?? turn.text;
  const key = `${turn.id}:0:0`;
  if (!RunCheckpoint.safeParse(turn.checkpoint).success) {
    try {
      const action = typedCommand(command);
      if (typeof action === 'string') return await finish(session, { status: 'failed', text: action });
      const outcome = await session.call(submit, { action, ticket: turn.ticket, key });
      if (outcome.decision !== 'deny') {
        await session.checkpoint('waiting', runCheckpoint);
        return 'waiting';
      }
      return await finish(session, runAnswer(command, { kind: 'denied', denial: outcome }));
    } catch (error) {
      const refusal = refusalText(error);
      if (refusal === undefined) throw error;
      return await finish(session, { status: 'failed', text: `The command was not run. ${refusal}` });
    }
  }
  const { actions } = await session.call(status, { keys: [key] });
  const [state] = actions;
  const outcome = state && outcomeOf(state);
  if (!outcome) {
    await session.checkpoint('waiting', runCheckpoint);
    return 'waiting';
  }
  return await finish(session, runAnswer(command, outcome));
}

async function finish(session: TurnSession, answer: { status: 'done' | 'failed'; text: string }): Promise<'done' | 'failed'> {
  await session.finish(answer.status, answer.text);
  return answer.status;
}

/** What the interlock said when it would not even judge an action; undefined if it was something else that failed. */
export function refusalText(error: unknown): string | undefined {
  if (!isServiceError(error, 'ticket_invalid', 'conflict', 'rate_limited', 'too_large', 'bad_request', 'forbidden')) return undefined;
  return `The interlock did not accept it: ${error.message}${error.hint ? ` ${error.hint}` : ''}`;
}
