import { connectNative, type NativeClient } from '@megabot/testing/native-client.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import type { ServerFrame } from '@megabot/contracts/frames.ts';
import type { Message } from '@megabot/contracts/conversation.ts';
import type { Run } from '@megabot/contracts/run.ts';

/** Where a MegaBot answers; the composed stack and standalone alike. */
export interface Doors {
  readonly httpUrl: string;
  readonly uiUrl: string;
  readonly wsUrl: string;
  readonly token: string;
  readonly password: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined where it is no JSON. */
  readonly body: Record<string, unknown>;
}

/** One HTTP request as the owner, or as `headers` say. */
export async function http(doors: Doors, method: string, path: string, body?: unknown, headers: Record<string, string> = { authorization: `Bearer ${doors.token}` }): Promise<Answer> {
  const response = await fetch(`${doors.httpUrl}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) as Record<string, unknown> };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Final = Extract<ServerFrame, { type: 'final' }>;
type ApprovalFrame = Extract<ServerFrame, { type: 'approval' }>;

/** One conversation of its own, spoken over the native socket. */
export interface Talk {
  readonly client: NativeClient;
  readonly conversation: string;
  /** Sends a message and resolves with its turn when it is stored. */
  say(text: string): Promise<string>;
  final(turnId: string, timeoutMs?: number): Promise<Final>;
  /** Says it and resolves with the answer. */
  ask(text: string, timeoutMs?: number): Promise<Final>;
  /** The first approvals that a turn asks for. */
  approvals(turnId: string, count?: number): Promise<readonly ApprovalFrame['approval'][]>;
  decide(approvalId: string, decision: 'approve' | 'reject', reason?: string): void;
  /** Says it, approves everything it asks for, and resolves with the answer. */
  approved(text: string, count?: number): Promise<Final>;
  /** What the turn's runs printed, as it came. */
  printed(turnId: string): string;
  /** Every status its runs took, in order. */
  runStates(turnId: string): readonly string[];
  runIds(turnId: string): readonly string[];
  close(): Promise<void>;
}

export async function openTalk(doors: Doors, options: { conversation?: string } = {}): Promise<Talk> {
  const conversation = options.conversation ?? (await newConversation(doors));
  const client = await connectNative({ url: doors.wsUrl, token: doors.token, password: doors.password });
  const runFrames = (turnId: string) => client.seen.filter((frame) => frame.type === 'run').filter((frame) => frame.turnId === turnId);
  const talk: Talk = {
    client,
    conversation,
    say: async (text) => (await client.message(text, conversation)).turnId,
    final: async (turnId, timeoutMs = 60_000) => await client.next((frame): frame is Final => frame.type === 'final' && frame.turnId === turnId, timeoutMs),
    ask: async (text, timeoutMs) => await talk.final(await talk.say(text), timeoutMs),
    async approvals(turnId, count = 1) {
      const shown = () => client.seen.filter((frame) => frame.type === 'approval').filter((frame) => frame.approval.turnId === turnId);
      await client.next(() => shown().length >= count, 30_000);
      return shown().map((frame) => frame.approval);
    },
    decide: (approvalId, decision, reason) => client.send({ type: 'decide', approvalId, decision, ...(reason === undefined ? {} : { reason }) }),
    async approved(text, count = 1) {
      const turnId = await talk.say(text);
      for (const approval of await talk.approvals(turnId, count)) talk.decide(approval.id, 'approve');
      return await talk.final(turnId);
    },
    printed: (turnId) => runFrames(turnId).filter((frame) => frame.stream !== 'status').map((frame) => frame.chunk).join(''),
    runStates: (turnId) => runFrames(turnId).filter((frame) => frame.stream === 'status').map((frame) => frame.chunk.split(' ')[0] ?? ''),
    runIds: (turnId) => [...new Set(runFrames(turnId).map((frame) => frame.runId))],
    close: async () => await client.close(),
  };
  return talk;
}

export async function newConversation(doors: Doors): Promise<string> {
  const { status, body, text } = await http(doors, 'POST', '/api/v1/conversations', {});
  if (status >= 300 || typeof body['id'] !== 'string') throw new Error(`no conversation was made: ${status} ${text}`);
  return body['id'];
}

/** All messages of a conversation, oldest first. */
export async function messagesOf(doors: Doors, conversation: string): Promise<readonly Message[]> {
  const { body, status, text } = await http(doors, 'GET', `/api/v1/conversations/${conversation}/messages`);
  if (status !== 200) throw new Error(`messages cannot be read: ${status} ${text}`);
  return body['messages'] as Message[];
}

export async function runOf(doors: Doors, runId: string): Promise<Run> {
  return (await http(doors, 'GET', `/api/v1/runs/${runId}`)).body as unknown as Run;
}

export async function pendingApprovals(doors: Doors): Promise<readonly Approval[]> {
  return (await http(doors, 'GET', '/api/v1/approvals?status=pending')).body['approvals'] as Approval[];
}
