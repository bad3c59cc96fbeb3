import type { BridgeReport, UndeliveredReport } from '@megabot/contracts/bridge-report.ts';
import { clock } from './time.ts';

interface BridgeWords {
  readonly icon: 'check' | 'cross' | 'clock' | 'info';
  /** One or two words. */
  readonly state: string;
  /** What works, what does not, and what happens next by itself. */
  readonly meaning: string;
}

const meanwhile = 'This page and the rest of MegaBot work. Messages of the last day are read once it is connected again, and answers are kept until then, for a day.';

/** How a bridge stands, for a person. `now` in milliseconds. */
export function bridgeWords(bridge: Pick<BridgeReport, 'state' | 'nextTryAt' | 'platforms'>, now: number): BridgeWords {
  switch (bridge.state) {
    case 'off':
      return { icon: 'info', state: 'off', meaning: 'MegaBot reads no messenger and writes to none. Nothing leaves this machine through one.' };
    case 'standby':
      return { icon: 'info', state: 'elsewhere', meaning: 'Another process of this MegaBot runs the bridge, and only that one knows its state. Reload this page in a few seconds to ask it.' };
    case 'connecting':
      return { icon: 'clock', state: 'connecting', meaning: `OpenClaw is being asked. ${meanwhile}` };
    case 'connected':
      return { icon: 'check', state: 'connected', meaning: connectedWords(bridge.platforms) };
    case 'waiting':
      return { icon: 'clock', state: 'not connected', meaning: `It is tried again by itself${bridge.nextTryAt === undefined || bridge.nextTryAt <= now ? '' : `, ${nextTry(bridge.nextTryAt, now)}`}. ${meanwhile}` };
    case 'refused':
      return { icon: 'cross', state: 'refused', meaning: `It is not tried again by itself: mend this first, then try again. ${meanwhile}` };
  }
}

const connectedWords = (platforms: BridgeReport['platforms']): string =>
  platforms?.every(({ enabled, allowFrom }) => !enabled || allowFrom.length === 0) ? 'It works, and nobody is answered yet, because nobody is listed.' : 'People you listed are answered. Everybody else is told once that they are not.';

const nextTry = (at: number, now: number): string => (at - now < 60_000 ? `in ${Math.ceil((at - now) / 1_000)} s` : `at ${clock(at, now)}`);

/** What becomes of an answer that has not arrived. */
export function undeliveredWords(answer: Pick<UndeliveredReport, 'state' | 'expiresAt' | 'attempts'>, now: number): string {
  const tries = answer.attempts === 1 ? 'one attempt' : `${answer.attempts} attempts`;
  if (answer.state === 'failed') return `Given up after ${tries}.`;
  if (answer.state === 'held') return 'OpenClaw holds it, and may still deliver it; it is not sent twice.';
  return `Tried again until ${clock(answer.expiresAt, now)}; ${tries} so far.`;
}

const counted: Readonly<Record<string, string>> = { messages: 'Messages taken', answers_delivered: 'Answers delivered', attempts_failed: 'Failed sends', ignored: 'Rows passed over' };

/** The counters worth a look, with their names. */
export const counterWords = (counters: Readonly<Record<string, number>>): readonly (readonly [name: string, value: number])[] =>
  Object.entries(counted).flatMap(([key, name]) => (counters[key] === undefined ? [] : [[name, counters[key]] as const]));

interface UndeliveredKind {
  readonly words: string;
  /** What it belongs to, where the page can show that. */
  readonly turn?: string;
  readonly approval?: string;
}

const notices: Readonly<Record<string, string>> = {
  stranger: 'The word to somebody who is not listed, that they are not answered.',
  rate: 'The word that a message was not taken, because more came than a minute may bring.',
  refused: 'The word that a message was not taken.',
  run: 'A message to this chat that was approved, or that a rule lets through.',
};

/** What an answer is about, by its id: the turn's, the approval's, an approved message's run, or a notice of the door's. */
export function undeliveredKind(id: string): UndeliveredKind {
  const [, kind = '', rest = ''] = /^([a-z]+)-(.+)$/s.exec(id) ?? [];
  if (kind === 'turn') return { words: 'The answer to a message.', turn: rest };
  if (kind === 'approval') return { words: 'The announcement of an approval.', approval: rest };
  return { words: (Object.hasOwn(notices, kind) ? notices[kind] : undefined) ?? 'A message.' };
}
