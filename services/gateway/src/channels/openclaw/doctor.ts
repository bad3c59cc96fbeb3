import { Row, SessionTurn, rowText } from './protocol.ts';
import { readInbound } from './inbound.ts';
import { isOwnKey } from './outbound.ts';
import { textOf, type Finding, type FindingCode } from './findings.ts';

/**
 * Watches what OpenClaw does with people's messages. Its configuration cannot be read with the methods that the bridge allows
 * itself, so only what shows in sessions is known, and an absent finding proves nothing. What each sign looks like was
 * measured on OpenClaw 2026.9.6 (docs/openclaw.md).
 */
export interface Doctor {
  readonly findings: readonly Finding[];
  /** Sees one row of the event `session.message`, as it comes: of these, only that a person asked something counts. */
  hear(sessionKey: string, row: unknown): void;
  /** Sees one event `sessions.changed`. */
  turn(payload: unknown): void;
  /** Sees rows of a session's history; the same ones again change nothing. Results of tools come only this way. */
  read(sessionKey: string, rows: readonly unknown[]): void;
  /** OpenClaw was started again at `since` (its clock): what it did before says nothing any more. */
  reset(since: number): void;
}

const shells: ReadonlySet<string> = new Set(['exec', 'process', 'bash', 'shell']);
/** Rows that OpenClaw notes by itself: what went out over `send` or the tool `message`, and notes by hand. */
const notTurns: ReadonlySet<string> = new Set(['delivery-mirror', 'gateway-injected']);
/** Nobody reads and approves a command in less. */
const quickestPersonMs = 2_000;
const busyTurnsForAnAlarm = 2;
/** Platforms tell whole seconds. */
const surelyLaterMs = 1_000;
const never = -Infinity;
const mostSessions = 1_000;
const mostSenders = 100;
/** What was not seen again for a day may have been mended. */
const findingLifeMs = 86_400_000;

/** What is known of a session in which people write. */
interface Peopled {
  readonly senders: Set<string>;
  /** When each finding was last seen there, by our clock. */
  readonly seen: Map<FindingCode, number>;
  /** A person wrote, and no turn has ended since. */
  asked: boolean;
  /** When OpenClaw's agent last called a shell there, by its clock. */
  calledAt: number;
  /** When a turn ended with OpenClaw still busy, by its clock: with the answer, or with what a person had written meanwhile. */
  busyAt: number | undefined;
  /** Turns in a row of which it was the answer. */
  busyTurns: number;
  /** The last turn that could be judged ended with nothing left to deliver. */
  heldBack: boolean;
}

/** What a tool said; when it was called and when it answered, by OpenClaw's clock. */
interface ToolResult {
  readonly tool: string;
  readonly at: number;
  readonly from: number;
  readonly failed: boolean;
  readonly text: string;
}

export function createDoctor(clock: () => number): Doctor {
  /** The oldest forgotten first. */
  const peopled = new Map<string, Peopled>();
  let since = 0;

  const sessionOf = (key: string): Peopled => {
    const known = peopled.get(key);
    if (known) return known;
    const fresh: Peopled = { senders: new Set(), seen: new Map(), asked: false, calledAt: never, busyAt: undefined, busyTurns: 0, heldBack: false };
    peopled.set(key, fresh);
    for (const oldest of peopled.keys()) {
      if (peopled.size <= mostSessions) break;
      peopled.delete(oldest);
    }
    return fresh;
  };

  const person = (key: string, raw: unknown): { session: Peopled; at: number } | undefined => {
    const inbound = readInbound(key, raw);
    if (inbound.kind !== 'message' || inbound.recordedAt < since) return undefined;
    const session = sessionOf(key);
    const { kind, platform, sender, at } = inbound.message;
    if (kind === 'group') return { session, at };
    const name = `${platform}:${sender.id}`;
    if (session.senders.size < mostSenders) session.senders.add(name);
    if (session.senders.size >= sharedFrom(key)) session.seen.set('shared_context', clock());
    else for (const [other, { senders, seen }] of peopled) if (other !== key && senders.delete(name) && senders.size < sharedFrom(other)) seen.delete('shared_context');
    return { session, at };
  };

  const result = (session: Peopled, { tool, at, from, failed, text }: ToolResult): void => {
    // A model may call what it was not given.
    if (failed && /^Tool \S+ not found$/.test(text)) return;
    session.seen.set('uses_tools', clock());
    if (!shells.has(tool)) return;
    if (failed && /denied/i.test(text)) session.seen.delete('runs_commands');
    else if (!failed && at >= from && at - from < quickestPersonMs) session.seen.set('runs_commands', clock());
  };

  const agent = (session: Peopled, row: Row): void => {
    const blocks = Array.isArray(row.content) ? row.content : [];
    if (row.role === 'assistant' && row.model === 'delivery-mirror' && !isOwnKey(row.__openclaw?.idempotencyKey ?? row.idempotencyKey ?? '')) session.seen.set('sends_messages', clock());
    if (row.role === 'assistant' && row.model !== undefined && !notTurns.has(row.model)) {
      session.seen.set('own_turns', clock());
      if (blocks.some(({ type, name }) => type === 'toolCall' && shells.has(name ?? ''))) session.calledAt = row.timestamp ?? never;
    }
    if (row.role === 'toolResult') result(session, { tool: row.toolName ?? '', at: row.timestamp ?? 0, from: session.calledAt, failed: row.isError !== false, text: rowText(row) });
    // Its agent began, and gave up because our answer had come into the session.
    if (row.role === 'custom' && row.customType === 'run-failed-before-reply') session.seen.set('own_turns', clock());
    // A tool that was called through another one: both halves stand in one row.
    for (const block of row.role === 'custom' ? blocks : []) {
      if (block.type === 'toolResult') result(session, { tool: block.toolName ?? '', at: block.timestamp ?? 0, from: block.startedAt ?? never, failed: block.isError !== false, text: '' });
    }
  };

  return {
    get findings() {
      const codes = new Set<FindingCode>();
      for (const { seen } of peopled.values()) for (const [code, at] of seen) if (clock() - at < findingLifeMs) codes.add(code);
      const working = [...peopled.values()].filter(({ seen }) => seen.has('own_turns'));
      return textOf(codes, { heldBack: working.length > 0 && working.every(({ heldBack }) => heldBack) });
    },
    hear(sessionKey, raw) {
      const heard = person(sessionKey, raw);
      if (!heard) return;
      const { session, at } = heard;
      session.asked = true;
      // What had waited comes next. If the next one was written later, nothing had, and it was the answer that was under way.
      if (session.busyAt !== undefined && at > session.busyAt + surelyLaterMs && ++session.busyTurns >= busyTurnsForAnAlarm) session.seen.set('answers_itself', clock());
      session.busyAt = undefined;
    },
    turn(payload) {
      const turn = SessionTurn.safeParse(payload);
      if (!turn.success || turn.data.phase !== 'end') return;
      const { sessionKey, runId, lastRunId, endedAt, status, hasActiveRun, session: { effectiveQueueMode } } = turn.data;
      const session = peopled.get(sessionKey);
      if (!session?.asked) return;
      session.asked = false;
      session.heldBack = status === 'done' && !hasActiveRun;
      if (session.heldBack) {
        session.busyTurns = 0;
        session.seen.delete('answers_itself');
      }
      // In other modes even what was written long after may have waited behind something else.
      if (status === 'running' && hasActiveRun && effectiveQueueMode === 'steer' && runId === lastRunId) session.busyAt = endedAt;
    },
    read(sessionKey, rows) {
      for (const raw of rows) {
        if (person(sessionKey, raw)) continue;
        const session = peopled.get(sessionKey);
        const row = Row.safeParse(raw);
        if (session && row.success && (row.data.__openclaw?.recordTimestampMs ?? row.data.timestamp ?? 0) >= since) agent(session, row.data);
      }
    },
    reset(at) {
      since = at;
      peopled.clear();
    },
  };
}

/** The main session is where `dmScope: main` puts everybody, so one person there is one too many. */
const sharedFrom = (key: string): number => (/^agent:[^:]+:[^:]+$/.test(key) ? 1 : 2);
