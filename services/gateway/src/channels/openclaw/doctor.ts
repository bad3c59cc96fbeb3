import { Row } from './protocol.ts';
import { readInbound } from './inbound.ts';

export type FindingCode = 'shared_context' | 'own_turns' | 'answers_itself' | 'runs_commands';

/** Something in OpenClaw's configuration that its owner should change. */
export interface Finding {
  readonly code: FindingCode;
  /** `alarm`: it happened. `warning`: it may happen, and the bridge cannot see whether it does. */
  readonly level: 'alarm' | 'warning';
  readonly message: string;
  readonly mend: string;
}

/**
 * Watches what OpenClaw does with people's messages. Its configuration cannot be read with the methods that the bridge allows
 * itself, so only what shows in sessions is known, and an absent finding proves nothing.
 */
export interface Doctor {
  readonly findings: readonly Finding[];
  /** Sees one row of the event `session.message`, as it comes. */
  observe(sessionKey: string, row: unknown): void;
  /** OpenClaw was restarted or reconfigured: what it did before says nothing any more. */
  reset(): void;
}

const texts: Readonly<Record<FindingCode, Finding>> = {
  shared_context: {
    code: 'shared_context', level: 'alarm',
    message: 'OpenClaw puts different people\'s messages into one session of its own, where its agent sees them together. MegaBot keeps them apart.',
    mend: 'Set session.dmScope to "per-channel-peer" in openclaw.json.',
  },
  own_turns: {
    code: 'own_turns', level: 'warning',
    message: 'OpenClaw\'s own agent works on people\'s messages as well. Whether its answers go out is decided by session.sendPolicy, which the bridge cannot read.',
    mend: 'Deny the channel in session.sendPolicy (docs/openclaw.md), and point OpenClaw at a model that costs nothing.',
  },
  answers_itself: {
    code: 'answers_itself', level: 'alarm',
    message: 'OpenClaw\'s own agent has sent people a message by itself, beside MegaBot\'s answers.',
    mend: 'Deny the channel in session.sendPolicy, and the tool "message" in tools.deny (docs/openclaw.md).',
  },
  runs_commands: {
    code: 'runs_commands', level: 'alarm',
    message: 'OpenClaw\'s own agent ran a command on its machine for somebody\'s message, too quickly for anybody to have been asked.',
    mend: 'Set tools.exec.mode to "deny" in openclaw.json.',
  },
};

const shells: ReadonlySet<string> = new Set(['exec', 'process', 'bash', 'shell']);
/** Nobody reads and approves a command in less. */
const quickestPersonMs = 2_000;
const mostSessions = 1_000;

interface Peopled {
  readonly senders: Set<string>;
  /** When OpenClaw's agent last called a shell there. */
  calledAt: number;
}

export function createDoctor(): Doctor {
  const found = new Map<FindingCode, Finding>();
  /** What is known of sessions in which people write, the oldest forgotten first. */
  const peopled = new Map<string, Peopled>();

  const sessionOf = (key: string, sender: string | undefined) => {
    const known = peopled.get(key);
    if (known || sender === undefined) return known;
    const fresh: Peopled = { senders: new Set(), calledAt: 0 };
    peopled.set(key, fresh);
    for (const oldest of peopled.keys()) {
      if (peopled.size <= mostSessions) break;
      peopled.delete(oldest);
    }
    return fresh;
  };
  const note = (code: FindingCode): void => void found.set(code, texts[code]);

  const observePerson = (key: string, kind: 'direct' | 'group', sender: string): void => {
    const session = sessionOf(key, sender);
    if (!session || kind === 'group') return;
    if (session.senders.size < 2) session.senders.add(sender);
    // The main session is where dmScope "main" puts everybody, even if so far only one has written.
    if (session.senders.size > 1 || /^agent:[^:]+:[^:]+$/.test(key)) note('shared_context');
  };

  const observeAgent = (key: string, row: Row): void => {
    const session = sessionOf(key, undefined);
    if (!session) return;
    const calls = Array.isArray(row.content) ? row.content.filter((block) => block.type === 'toolCall') : [];
    if (row.role === 'assistant' && row.model !== undefined) {
      note('own_turns');
      if (calls.some(({ name }) => shells.has(name ?? ''))) session.calledAt = row.timestamp ?? 0;
    }
    if (row.role !== 'toolResult' || row.isError !== false) return;
    if (row.toolName === 'message') note('answers_itself');
    const took = (row.timestamp ?? 0) - session.calledAt;
    if (shells.has(row.toolName ?? '') && took >= 0 && took < quickestPersonMs) note('runs_commands');
  };

  return {
    get findings() {
      return [...found.values()];
    },
    observe(sessionKey, raw) {
      const inbound = readInbound(sessionKey, raw);
      if (inbound.kind === 'message') return observePerson(sessionKey, inbound.message.kind, inbound.message.sender.id);
      const row = Row.safeParse(raw);
      if (row.success) observeAgent(sessionKey, row.data);
    },
    reset() {
      found.clear();
      peopled.clear();
    },
  };
}
