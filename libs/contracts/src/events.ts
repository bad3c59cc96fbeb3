import { z } from 'zod';
import { Approval, ApprovalStatus } from './approval.ts';
import { ActionKey, executorNames } from './action.ts';
import { defineEvent } from './endpoint.ts';
import { Id } from './ids.ts';
import { Principal } from './principal.ts';
import { OutputStream, RunStatus } from './run.ts';

/** A piece of the model's answer. A higher `attempt` replaces the text of a lower one. */
export const delta = defineEvent({
  service: 'orchestrator', topic: 'delta', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, turnId: Id, attempt: z.number().int(), index: z.number().int(), text: z.string() }),
});
/** A turn has ended; its answer is stored. */
export const final = defineEvent({
  service: 'memory', topic: 'final', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, turnId: Id, messageId: Id, text: z.string(), status: z.enum(['done', 'failed', 'cancelled']) }),
});
/** An approval waits for a person, or one that waits has changed and must be looked at again. */
export const approval = defineEvent({
  service: 'interlock', topic: 'approval', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, approval: Approval }),
});
export const decided = defineEvent({
  service: 'interlock', topic: 'decided', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, approvalId: Id, turnId: Id, status: ApprovalStatus, by: z.union([Principal, z.literal('system')]) }),
});
/** A run has started or ended. */
export const runState = defineEvent({
  service: 'interlock', topic: 'run', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, runId: Id, turnId: Id, status: RunStatus, exitCode: z.number().int().nullable(), command: z.string(), driver: z.string().nullable() }),
});
/** An action has its outcome: what a waiting turn wakes for. */
export const settled = defineEvent({
  service: 'interlock', topic: 'settled', listeners: [], followers: ['memory'],
  payload: z.object({ conversation: Id, turnId: Id, key: ActionKey }),
});
/** What a run prints, as it comes, UTF-8, in order of `index`. */
export const output = defineEvent({
  service: 'sandbox', topic: 'output', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, runId: Id, turnId: Id, stream: OutputStream, index: z.number().int(), chunk: z.string() }),
});
/** Stop everything at once (`lockdown: true`), or the lockdown was lifted. */
export const lockdown = defineEvent({
  service: 'interlock', topic: 'lockdown', listeners: executorNames, followers: ['gateway'],
  payload: z.object({ epoch: z.number().int(), lockdown: z.boolean() }),
});
export const cancel = defineEvent({
  service: 'interlock', topic: 'cancel', listeners: executorNames, followers: [],
  payload: z.object({ runIds: z.array(Id) }),
});
/** `meta-config.yaml` was read again. */
export const configuration = defineEvent({
  service: 'interlock', topic: 'configuration', listeners: ['orchestrator'], followers: ['gateway'],
  payload: z.object({ version: z.string(), warnings: z.array(z.string()) }),
});
/** A rule `allow *` let something run: said every time. */
export const warning = defineEvent({
  service: 'interlock', topic: 'warning', listeners: [], followers: ['gateway'],
  payload: z.object({ conversation: Id, text: z.string() }),
});

export const events = { delta, final, approval, decided, runState, settled, output, lockdown, cancel, configuration, warning } as const;
