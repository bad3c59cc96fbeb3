import { createHash } from 'node:crypto';
import type { Bus } from '@megabot/bus/port.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { createCommandExecutor } from './commands/execute.ts';
import { parseIntent, type Intent } from './commands/parse.ts';
import { isTransient, publicFailure } from './error-table.ts';
import type { GatewayEvents } from './events.ts';
import type { Health } from './health.ts';
import type { TicketIssuer } from './origin-ticket.ts';

export interface IncomingMessage {
  readonly conversation: string;
  /** The client's idempotency key. */
  readonly key: string;
  readonly text: string;
  readonly actor: Actor;
}

type ControlIntent = Extract<Intent, { kind: 'command' }>;

export interface MessageIntake {
  /**
   * Takes a person's message in, from whichever door. Resolves once it is stored.
   * @throws ServiceError with a hint to send it again where that may succeed.
   */
  accept(message: IncomingMessage): Promise<{ messageId: string; turnId: string; duplicate: boolean }>;
}

const rememberedAnswers = 1_000;

/** The turn of a message, known before it is stored: the same key in the same conversation always names the same one. */
export function turnIdOf({ conversation, key }: Pick<IncomingMessage, 'conversation' | 'key'>): string {
  return `msg-${createHash('sha256').update(JSON.stringify([conversation, key])).digest('base64url')}`;
}

/** What stops something is done also while nobody can say whether it was done before: doing it again permits nothing. */
const stopping: ReadonlySet<string> = new Set(['deny', 'reject', 'lockdown']);

export function createMessageIntake(deps: { bus: Bus; tickets: TicketIssuer; events: GatewayEvents; health: Health }): MessageIntake {
  const { bus, tickets, events } = deps;
  const commands = createCommandExecutor(deps);
  // Between a command and its storing only this remembers it; the newest suffice, because a client repeats within seconds.
  const answers = new Map<string, { readonly text: string; readonly answer: Promise<string> }>();

  const answerOnce = async (message: IncomingMessage, command: ControlIntent): Promise<string> => {
    const id = turnIdOf(message);
    const known = answers.get(id);
    if (known && known.text !== message.text) throw new ServiceError('conflict', 'This message id was used before, for another text.', { hint: 'Give each message an id of its own.' });
    if (known) return await known.answer;
    const answer = carryOut(message, command);
    answers.set(id, { text: message.text, answer });
    for (const oldest of answers.keys()) {
      if (answers.size <= rememberedAnswers) break;
      answers.delete(oldest);
    }
    try {
      return await answer;
    } catch (error) {
      answers.delete(id);
      throw error;
    }
  };

  const carryOut = async (message: IncomingMessage, { name, argument }: ControlIntent): Promise<string> => {
    const stored = await isStored(message).catch((error: unknown) => {
      if (!isTransient(error)) throw error;
      if (stopping.has(name)) return false;
      throw nothingDone(error);
    });
    // The store gives its first result again, or refuses the id for another text.
    if (stored) return 'This was carried out before.';
    return await commands.execute({ id: turnIdOf(message), name, argument, conversation: message.conversation, actor: message.actor });
  };

  /** @throws ServiceError `not_found` where there is no such conversation: a command that cannot be answered is not carried out. */
  const isStored = async (message: IncomingMessage): Promise<boolean> => {
    try {
      await bus.call(memory.turnGet, { turnId: turnIdOf(message) });
      return true;
    } catch (error) {
      if (!isServiceError(error, 'turn_unknown')) throw error;
    }
    if (message.conversation !== 'default') await bus.call(memory.conversationsGet, { id: message.conversation });
    return false;
  };

  const store = async (message: IncomingMessage, extra: { command?: string; reply?: string }) =>
    await bus.call(memory.append, {
      conversation: message.conversation,
      messageKey: message.key,
      text: message.text,
      ticket: tickets.issue({ conversation: message.conversation, actor: message.actor, turnId: turnIdOf(message) }),
      ...extra,
    });

  return {
    async accept(message) {
      const intent = parseIntent(message.text);
      const kind = intent.kind === 'unclear' ? 'command' : intent.kind;
      const stored = await (async () => {
        switch (intent.kind) {
          case 'chat':
            return await store(message, {});
          case 'run':
            return await store(message, { command: intent.command });
          case 'unclear':
            return await store(message, { reply: intent.answer });
          case 'command': {
            const reply = await answerOnce(message, intent);
            return await store(message, { reply }).catch((error: unknown) => {
              throw isTransient(error) ? standsUnwritten(error, reply) : error;
            });
          }
        }
      })();
      events.messageAccepted(kind, stored.turnId, message.actor.channel, stored.duplicate);
      return stored;
    },
  };
}

function nothingDone(cause: unknown): ServiceError {
  return new ServiceError('unavailable', 'The store of conversations cannot be asked whether this was carried out before. Nothing was done.', {
    hint: 'Send it again with the same id. Meanwhile approvals can be decided in the UI, and `!deny *` stops everything.',
    cause,
  });
}

/** The interlock has done it, the history could not be told: the person must know both. */
function standsUnwritten(cause: unknown, reply: string): ServiceError {
  const failure = publicFailure(cause);
  const code = failure.code === 'timeout' || failure.code === 'disconnected' || failure.code === 'no_responders' ? failure.code : 'unavailable';
  return new ServiceError(code, `What you decided stands, but it could not be written to the conversation. The answer was: ${reply}`, {
    hint: 'Send it again with the same id to have it written; it is not carried out twice.',
    cause,
  });
}
