import { createHash } from 'node:crypto';
import { handle, type Bus } from '@megabot/bus/port.ts';
import type { InProcessHub } from '@megabot/bus/in-process.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import type { AuditRecord } from '@megabot/contracts/audit.ts';
import type { Conversation, Message, Turn } from '@megabot/contracts/conversation.ts';
import type * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import * as orchestrator from '@megabot/contracts/endpoints/orchestrator.ts';
import * as sandbox from '@megabot/contracts/endpoints/sandbox.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { events } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { PolicyView } from '@megabot/contracts/policy.ts';
import type { Run } from '@megabot/contracts/run.ts';
import type { OriginTicket } from '@megabot/contracts/ticket.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { z } from 'zod';
import { failIf, serveInterlock } from './fake-interlock.ts';

export type Input<E extends { request: z.ZodType }> = z.infer<E['request']>;

/** What the fake services were told, and how they shall answer. Only as clever as the gateway's tests need. */
export interface Fakes {
  readonly memoryBus: Bus;
  readonly interlockBus: Bus;
  readonly orchestratorBus: Bus;
  readonly sandboxBus: Bus;
  readonly appended: Input<typeof memory.append>[];
  readonly decisions: Input<typeof interlock.decide>[];
  readonly edits: Input<typeof interlock.policyEdit>[];
  readonly approvalEdits: Input<typeof interlock.approvalEdit>[];
  readonly batches: Input<typeof interlock.decideBatch>[];
  readonly undone: Input<typeof interlock.policyUndo>[];
  readonly revoked: Input<typeof interlock.grantRevoke>[];
  readonly tested: Input<typeof interlock.policyTest>[];
  /** Who was refused what: what the real interlock writes into its audit log. */
  readonly refusals: { readonly principal: string; readonly act: string }[];
  /** Commands that were asked for lately. */
  readonly recent: string[];
  readonly versions: interlock.PolicyVersion[];
  /** Approvals that the policy denies by the time they are approved. */
  readonly deniedByNow: Set<string>;
  /** Principals of messengers that may decide with the code 123456. */
  readonly messengerAdmins: Set<string>;
  readonly submitted: Input<typeof interlock.submit>[];
  readonly tickets: OriginTicket[];
  readonly approvals: Map<string, Approval>;
  readonly runs: Map<string, Run>;
  /** Standard output of runs where it was no text, in base64. */
  readonly binaries: Map<string, string>;
  /** Files of every workspace. */
  readonly files: Map<string, Uint8Array>;
  readonly audit: AuditRecord[];
  /** By the SHA-256 of their secret, in hexadecimal. */
  readonly sessions: Map<string, { sessionId: string; principal: string; expiresAt: number }>;
  /** Fails the named endpoint until deleted. */
  readonly failing: Map<string, ServiceError>;
  submitOutcome: z.input<typeof interlock.submit.reply>;
  policy: PolicyView;
}

export function makeApproval(values: Partial<Approval> = {}): Approval {
  const id = values.id ?? newId();
  return {
    id, shortId: id.slice(0, 6), kind: 'shell', command: 'git push', reasons: ['not allowed by a rule'], risk: 'medium', createdAt: 1, expiresAt: 2, conversation: 'default',
    turnId: 'turn1', requestedBy: 'owner', cwd: '/workspace', network: 'none', planHash: 'a'.repeat(64), status: 'pending', ...values,
  };
}

export function makeRun(values: Partial<Run> = {}): Run {
  return {
    id: newId(), conversation: 'default', turnId: 'turn1', command: 'ls', status: 'due', exitCode: null, signal: null, output: '', truncated: false, driver: null, detail: null,
    createdAt: 1, startedAt: null, endedAt: null, ...values,
  };
}

async function serveSandbox({ sandboxBus, files }: Fakes): Promise<void> {
  await sandboxBus.serve([
    handle(sandbox.ping, async () => ({ ok: true, detail: 'ready', driver: 'docker', simulated: false, running: 0 })),
    handle(sandbox.filesList, async ({ after = '', limit }) => {
      const all = [...files].filter(([path]) => path > after).map(([path, bytes]) => ({ path, type: 'file' as const, size: bytes.byteLength, modifiedAt: 0 }));
      return { revision: 'r', bytes: 4096, entries: files.size, files: all.slice(0, limit), hasMore: all.length > limit };
    }),
    handle(sandbox.fileRead, async ({ path, start, length }) => {
      const bytes = files.get(path);
      if (!bytes) throw new ServiceError('not_found', 'no such file');
      return { revision: 'r', size: bytes.byteLength, hash: createHash('sha256').update(bytes).digest('hex'), data: Buffer.from(bytes.subarray(start, start + length)).toString('base64') };
    }),
  ]);
}

export async function startFakes(hub: InProcessHub): Promise<Fakes> {
  const logger = silentLogger();
  const memoryBus = hub.bus('memory', { logger });
  const interlockBus = hub.bus('interlock', { logger });
  const fakes: Fakes = {
    memoryBus, interlockBus, orchestratorBus: hub.bus('orchestrator', { logger }), sandboxBus: hub.bus('sandbox', { logger }),
    appended: [], decisions: [], edits: [], approvalEdits: [], batches: [], undone: [], revoked: [], tested: [], refusals: [], recent: [], versions: [], sessions: new Map(), messengerAdmins: new Set(), deniedByNow: new Set(), submitted: [], tickets: [], approvals: new Map(), runs: new Map(), binaries: new Map(), files: new Map(), audit: [], failing: new Map(),
    submitOutcome: { decision: 'deny', rule: 'rm', reasons: ['denied by a rule'] },
    policy: { allow: ['ls'], deny: ['rm -rf'], matching: 'commands', version: 'v1', lockdown: false, warnings: [] },
  };
  await serveMemory(fakes);
  await serveInterlock(fakes);
  await fakes.orchestratorBus.serve([handle(orchestrator.ping, async () => ({ ok: true, detail: 'ready', model: { configured: false, reachable: false, name: null, address: null, detail: 'none is configured' } }))]);
  await serveSandbox(fakes);
  return fakes;
}

async function serveMemory(fakes: Fakes): Promise<void> {
  const conversations = new Map<string, Conversation>();
  const stored = new Map<string, { messageId: string; turnId: string; text: string }>();
  const turns = new Map<string, Turn>();
  const messages: Message[] = [];
  const conversation = (id: string): Conversation => {
    if (id === 'default' && !conversations.has(id)) conversations.set(id, { id, title: 'Default', mode: 'ask', createdAt: 1, updatedAt: 1 });
    const found = conversations.get(id);
    if (!found) throw new ServiceError('not_found', 'there is no such conversation');
    return found;
  };
  await fakes.memoryBus.serve([
    handle(memory.append, async (request) => {
      failIf(fakes, 'append');
      conversation(request.conversation);
      fakes.tickets.push(request.ticket);
      const key = `${request.conversation}:${request.messageKey}`;
      const known = stored.get(key);
      if (known && known.text !== request.text) throw new ServiceError('conflict', 'the id was used before, for another text');
      if (known) return { messageId: known.messageId, turnId: known.turnId, duplicate: true };
      fakes.appended.push(request);
      const { turnId } = request.ticket.claims;
      const messageId = newId();
      stored.set(key, { messageId, turnId, text: request.text });
      messages.push({ id: messageId, seq: messages.length + 1, conversation: request.conversation, turnId, role: 'user', text: request.text, createdAt: 1 });
      turns.set(turnId, { id: turnId, conversation: request.conversation, messageId, kind: request.reply === undefined ? 'chat' : 'command', status: request.reply === undefined ? 'queued' : 'done', attempt: 0, createdAt: 1, updatedAt: 1 });
      if (request.reply !== undefined) await fakes.memoryBus.publish(events.final, { conversation: request.conversation, turnId, messageId: newId(), text: request.reply, status: 'done' }, { conversation: request.conversation });
      return { messageId, turnId, duplicate: false };
    }),
    handle(memory.conversationsList, async () => ({ conversations: [...conversations.values()] })),
    handle(memory.conversationsCreate, async ({ title = 'New', mode = 'ask' }) => {
      const made = { id: newId(), title, mode, createdAt: 1, updatedAt: 1 };
      conversations.set(made.id, made);
      return made;
    }),
    handle(memory.conversationsGet, async ({ id }) => conversation(id)),
    handle(memory.conversationsUpdate, async ({ id, title, mode }) => {
      const now = conversation(id);
      const updated = { ...now, title: title ?? now.title, mode: mode ?? now.mode };
      conversations.set(id, updated);
      return updated;
    }),
    handle(memory.messagesList, async ({ conversation: id, before = Infinity, limit }) => {
      const all = messages.filter((message) => message.conversation === id && message.seq < before);
      return { messages: all.slice(-limit), hasMore: all.length > limit };
    }),
    handle(memory.turnGet, async ({ turnId }) => {
      failIf(fakes, 'turnGet');
      const turn = turns.get(turnId);
      if (!turn) throw new ServiceError('turn_unknown', 'there is no such turn');
      return { turn, answer: null };
    }),
    handle(memory.turnCancel, async ({ turnId }) => {
      const turn = turns.get(turnId);
      if (!turn) throw new ServiceError('turn_unknown', 'there is no such turn');
      if (turn.status === 'done' || turn.status === 'cancelled') throw new ServiceError('turn_ended', 'the turn has already ended');
      const cancelled = { ...turn, status: 'cancelled' as const };
      turns.set(turnId, cancelled);
      return { turn: cancelled };
    }),
    handle(memory.remember, async ({ items }) => ({ ids: items.map(() => newId()) })),
    handle(memory.recall, async ({ query }) => ({ mode: 'text' as const, items: [{ id: newId(), externalId: null, text: query, score: 1, why: 'the words' }] })),
    handle(memory.forget, async ({ ids = [] }) => ({ count: ids.length, ids })),
    handle(memory.exportItems, async () => ({ items: [], next: null })),
    handle(memory.ping, async () => {
      failIf(fakes, 'memory.ping');
      return { ok: true, detail: 'ready' };
    }),
  ]);
}
