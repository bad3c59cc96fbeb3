import { z } from 'zod';
import { FileDeleteAction, FileMoveAction, FileWriteAction, ShellAction } from './action.ts';
import { Approval, ApprovalScope, Decision } from './approval.ts';
import { MessageText, Mode } from './conversation.ts';
import { Id, IdPrefix } from './ids.ts';
import { NewMemoryItem, MemorySpace } from './memory-item.ts';
import { Pattern } from './policy.ts';
import { Run } from './run.ts';

/** Bodies of the public HTTP interface (design §7); replies that are not here are the contracts' own schemas. */
export const SessionRequest = z.union([z.object({ token: z.string().min(1).max(512) }), z.object({ code: z.string().min(1).max(512) })]);
export const SessionReply = z.object({ principal: z.string(), expiresAt: z.number().int() });

export const ConversationCreate = z.object({ title: z.string().min(1).max(200).optional(), mode: Mode.optional() });
export const ConversationPatch = z.object({ title: z.string().min(1).max(200).optional(), mode: Mode.optional() });
export const MessageCreate = z.object({ text: MessageText, idempotencyKey: z.string().min(1).max(128).optional() });
export const MessageAccepted = z.object({ messageId: Id, turnId: Id });

const place = {
  conversation: Id.optional(),
  /** Seconds to wait for the run to end before answering. */
  wait: z.number().min(0).max(120).optional(),
};
/** What a client may propose by itself: a command, or a change of files. The interlock judges it like anything else. */
export const ActionRequest = z.discriminatedUnion('kind', [ShellAction.extend(place), FileWriteAction.extend(place), FileDeleteAction.extend(place), FileMoveAction.extend(place)]);
export const ActionAllowed = z.object({ decision: z.literal('allow'), run: Run, warnings: z.array(z.string()) });
export const ActionAsked = z.object({ decision: z.literal('ask'), approvalId: Id, shortId: z.string(), expiresAt: z.number().int(), reasons: z.array(z.string()) });
export const ActionDenied = z.object({ decision: z.literal('deny'), rule: z.string().nullable(), reasons: z.array(z.string()) });

export const DecisionRequest = z.object({ decision: Decision, scope: ApprovalScope.optional(), reason: z.string().max(1_000).optional() });
export const DecisionReply = Approval;
/** Another command in the place of one that waits; it is judged as a new action. */
export const ApprovalEditRequest = z.object({ command: ShellAction.shape.command });
export const BatchDecisionRequest = z.object({ approvalIds: z.array(IdPrefix).min(1).max(50), decision: Decision, reason: z.string().max(1_000).optional() });

export const PolicyPut = z.object({ allow: z.array(Pattern).max(1_000), deny: z.array(Pattern).max(1_000), matching: z.enum(['commands', 'contains']).optional() });
export const PolicyTestRequest = z.object({ command: z.string().max(1_048_576), policy: z.object({ allow: z.array(Pattern), deny: z.array(Pattern), matching: z.enum(['commands', 'contains']).optional() }).optional() });
export const PolicyUndoRequest = z.object({ to: z.number().int().positive().optional() });
export const PolicyPreviewRequest = z.object({ list: z.enum(['allow', 'deny']), pattern: Pattern });

export const RememberRequest = z.object({ items: z.array(NewMemoryItem).min(1).max(500), space: MemorySpace.optional() });
export const RecallRequest = z.object({ query: z.string().min(1).max(4_096), k: z.number().int().min(1).max(100).optional(), space: MemorySpace.optional(), at: z.number().int().optional() });
export const ForgetRequest = z.object({ ids: z.array(Id).optional(), externalIds: z.array(z.string()).optional(), session: z.string().optional(), space: MemorySpace.optional(), dryRun: z.boolean().optional() });

/** RFC 9457 problem details, with our stable `code` and a `hint` that says what to do next. */
export const Problem = z.object({ type: z.string(), title: z.string(), status: z.number().int(), detail: z.string(), code: z.string(), hint: z.string(), instance: z.string().optional(), details: z.record(z.string(), z.unknown()).optional() });
