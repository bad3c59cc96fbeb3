import type { Bus } from '@megabot/bus/port.ts';
import type { ClaimedTurn, Message } from '@megabot/contracts/conversation.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { AbortError } from '@megabot/lifecycle/backoff.ts';
import { chatCheckpoint, readChatCheckpoint, type Step } from './checkpoint.ts';
import { createDeltaStream, stepSeparator, type DeltaStream } from './delta-stream.ts';
import type { OrchestratorEvents } from './events.ts';
import { cutAtLength, cutByFilter, cutTooLong, emptyAnswer, modelFailureText, ModelUnusable, onlyMistakes, tooManySteps } from './model-failure.ts';
import type { ModelInUse, ModelSource } from './model-source.ts';
import { ModelError, type ModelMessage, type ModelReply } from './model/port.ts';
import { outputLimit, promptMessages } from './prompt.ts';
import type { TurnSession } from './session.ts';
import { advanceStep } from './steps.ts';
import { offeredTools, planStep, type Offering } from './tools.ts';

export interface ChatDeps {
  readonly bus: Bus;
  readonly models: ModelSource;
  readonly events: OrchestratorEvents;
  readonly clock: () => number;
}

/** Replies of the model in one turn; the last is asked for without tools, so that it is an answer. */
const maxSteps = 12;
/** Replies in a row of which no call could be carried out. */
const maxMistakes = 3;
/** A model that repeats itself would go on for ever. */
const maxReplyCharacters = 120_000;

/**
 * Works on a chat turn from wherever its checkpoint stands, until it waits for an action or has its answer. Each reply is
 * saved before anything in it is done, so a reply once given is never asked for again.
 */
export async function workOnChat(turn: ClaimedTurn, history: readonly Message[], session: TurnSession, deps: ChatDeps): Promise<'waiting' | 'done' | 'failed'> {
  const steps = readChatCheckpoint(turn.checkpoint);
  const stream = createDeltaStream({ conversation: turn.conversation, turnId: turn.id, attempt: turn.attempt }, { bus: deps.bus, onLost: deps.events.deltaLost });
  let partial = '';
  try {
    return await deps.models.use(async (model) => {
      const limit = outputLimit(model.contextTokens);
      const pending = steps.at(-1);
      if (pending && !(await advance(pending))) return 'waiting';
      for (;;) {
        if (steps.slice(-maxMistakes).filter(isMistaken).length === maxMistakes) return await end('failed', onlyMistakes);
        partial = '';
        const reply = await ask(model);
        partial = '';
        if (reply.toolCalls.length === 0 || steps.length + 1 >= maxSteps) return await answer(reply);
        const step = planStep(offeringOf(model), steps.length, reply.text, reply.toolCalls);
        steps.push(step);
        await stream.flush();
        await session.checkpoint('running', chatCheckpoint(steps));
        deps.events.replySaved({ turnId: turn.id, step: steps.length - 1, calls: step.calls.length, actions: step.actions.length });
        if (!(await advance(step))) return 'waiting';
      }

      async function advance(step: Step): Promise<boolean> {
        if (await advanceStep(turn, steps.length - 1, step, session, limit)) return true;
        await session.checkpoint('waiting', chatCheckpoint(steps));
        return false;
      }
    });
  } catch (error) {
    if (error instanceof ModelError && error.code !== 'aborted') return await failed(error);
    if (error instanceof ModelUnusable) return await failed(error);
    if (error instanceof ModelError) throw new AbortError('the turn was stopped while the model answered');
    if (isServiceError(error, 'too_large')) return await end('failed', 'What the model proposed is too large to be carried out. Ask for it in smaller parts.');
    throw error;
  } finally {
    await stream.settled();
  }

  function offeringOf(model: ModelInUse): ClaimedTurn & Offering {
    return { ...turn, web: !model.localOnly, messengers: model.messengers };
  }

  async function ask(model: ModelInUse): Promise<ModelReply> {
    const messages = promptMessages({ turn: offeringOf(model), history, steps, now: new Date(deps.clock()), contextTokens: model.contextTokens });
    const tools = steps.length + 1 < maxSteps ? offeredTools(offeringOf(model)) : [];
    const started = deps.clock();
    const reply = await askWithin(model, messages, tools, session.signal, stream, saidBefore(steps), (text) => (partial += text));
    deps.events.modelReplied({ turnId: turn.id, step: steps.length, ms: deps.clock() - started, characters: reply.text.length, calls: reply.toolCalls.length });
    return reply;
  }

  async function answer(reply: ReplyOrCut): Promise<'done' | 'failed'> {
    if (reply.toolCalls.length > 0) return await end('failed', tooManySteps, reply.text);
    const note = noteOn(reply);
    if (reply.text.trim() === '') return await end('failed', note ?? emptyAnswer);
    return await end('done', note ?? '', reply.text);
  }

  async function failed(error: ModelError | ModelUnusable): Promise<'failed'> {
    deps.events.modelFailed({ turnId: turn.id, reason: error instanceof ModelError ? error.code : 'unusable', detail: error.message });
    await end('failed', modelFailureText(error, joined([saidBefore(steps), partial])), '', false);
    return 'failed';
  }

  /** Ends the turn with all that was said in it, a last reply and a closing remark. */
  async function end<Status extends 'done' | 'failed'>(status: Status, remark: string, reply = '', withEarlier = true): Promise<Status> {
    await stream.flush();
    await session.finish(status, joined([withEarlier ? saidBefore(steps) : '', reply, remark]));
    return status;
  }
}

interface ReplyOrCut extends ModelReply {
  readonly endless?: boolean;
}

/** Asks once; a reply that does not end is cut off and counts as it is. */
async function askWithin(
  model: ModelInUse,
  messages: readonly ModelMessage[],
  tools: ReturnType<typeof offeredTools>,
  signal: AbortSignal,
  stream: DeltaStream,
  earlier: string,
  onText: (text: string) => void,
): Promise<ReplyOrCut> {
  const endless = new AbortController();
  let text = '';
  stream.begin(earlier);
  try {
    return await model.driver.chat({
      messages,
      tools,
      signal: AbortSignal.any([signal, endless.signal]),
      onText(piece) {
        if (endless.signal.aborted) return;
        text += piece;
        onText(piece);
        stream.push(piece);
        if (text.length > maxReplyCharacters) endless.abort();
      },
    });
  } catch (error) {
    if (endless.signal.aborted && !signal.aborted) return { text, toolCalls: [], stopReason: 'length', endless: true };
    throw error;
  }
}

function noteOn(reply: ReplyOrCut): string | undefined {
  if (reply.endless) return cutTooLong;
  switch (reply.stopReason) {
    case 'length':
      return cutAtLength;
    case 'content_filter':
      return cutByFilter;
    case 'stop':
    case 'tool_calls':
    case 'other':
      return undefined;
  }
}

/** None of the calls got as far as being judged, or asked of memory. */
const isMistaken = (step: Step): boolean => step.actions.length === 0 && step.results.every((result) => result?.startsWith('Not done') || result?.startsWith('Refused'));

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(stepSeparator);

const saidBefore = (steps: readonly Step[]): string => joined(steps.map((step) => step.text));
