import type { Bus } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import { bridgeChatOf, bridgeUnsent } from '@megabot/contracts/endpoints/bridge.ts';
import { approvalsList } from '@megabot/contracts/endpoints/interlock.ts';
import { describeNetwork } from '@megabot/contracts/network.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { PlatformSettings } from '@megabot/contracts/settings.ts';
import { asBlock, asCode, bounded, showInvisible } from '../../display.ts';
import type { Answer } from '../openclaw/outbound.ts';
import { withoutBroadcast } from '../openclaw/platforms.ts';
import type { BridgeRulesSource } from './settings.ts';

export interface Announcer {
  /** An answer was stored. */
  answers(): void;
  /** An approval waits. */
  approvals(): void;
  stop(): Promise<void>;
}

export interface AnnouncerDeps {
  readonly bus: Bus;
  readonly bridge: string;
  readonly rules: BridgeRulesSource;
  readonly send: (answer: Answer) => Promise<void>;
  /** Where the owner decides, for people who may not. */
  readonly uiOrigin: string;
  readonly logger: Logger;
  /** How often it looks without being told to. */
  readonly everyMs?: number;
}

const shownCommand = 1_200;
const lookEveryMs = 10_000;

/**
 * Hands over to the bridge what people behind it have to hear: answers of their turns and approvals of their chats. It asks the
 * stores what is still unsaid instead of remembering events, so a kill at any point loses and doubles nothing: the id of an
 * answer is the turn's or the approval's, and an id is one answer for ever. What this process has announced, or found to be
 * nobody's here, it does not look up again while it waits.
 */
export function createAnnouncer(deps: AnnouncerDeps): Announcer {
  const { bus, bridge, rules, send, logger } = deps;
  let dealtWith: ReadonlySet<string> = new Set();

  const sayAnswers = async (stopped: () => boolean): Promise<void> => {
    let last = '';
    for (;;) {
      const { answers } = await bus.call(bridgeUnsent, { bridge });
      // Whatever would keep one from being stored must not keep us here.
      if (answers.length === 0 || answers[0]?.turnId === last || stopped()) return;
      last = answers[0]?.turnId ?? '';
      for (const { turnId, text, chat } of answers) await send({ id: `turn-${turnId}`, to: chat.address, sessionKey: chat.sessionKey, text: withoutBroadcast(chat.address.platform, text) });
    }
  };
  const announce = async (approval: Approval): Promise<void> => {
    if (!approval.requestedBy.startsWith('bridge:')) return;
    const { chat } = await bus.call(bridgeChatOf, { bridge, conversation: approval.conversation });
    if (!chat) return;
    const text = approvalText(approval, (await rules.read()).platform(chat.address.platform), deps.uiOrigin);
    await send({ id: `approval-${approval.id}`, to: chat.address, sessionKey: chat.sessionKey, text });
  };
  const sayApprovals = async (): Promise<void> => {
    const { approvals } = await bus.call(approvalsList, { status: 'pending', limit: 200 });
    // Those that wait no longer are forgotten; should one be listed again, its id is one answer all the same.
    const done = new Set(approvals.map(({ id }) => id).filter((id) => dealtWith.has(id)));
    dealtWith = done;
    for (const approval of approvals) {
      if (done.has(approval.id)) continue;
      await announce(approval);
      done.add(approval.id);
    }
  };

  const looks = [createLook(sayAnswers, logger), createLook(sayApprovals, logger)] as const;
  const [answers, approvals] = looks;
  const timer = setInterval(() => {
    for (const one of looks) one.look();
  }, deps.everyMs ?? lookEveryMs);
  return {
    answers: answers.look,
    approvals: approvals.look,
    async stop() {
      clearInterval(timer);
      await Promise.all(looks.map(async (one) => await one.stop()));
    },
  };
}

/** Looks when told to, never twice at once, and once more where it was told to meanwhile. */
function createLook(work: (stopped: () => boolean) => Promise<void>, logger: Logger) {
  let stopped = false;
  let wanted = false;
  let looking: Promise<void> | undefined;
  const look = (): void => {
    wanted = true;
    if (stopped || looking) return;
    wanted = false;
    looking = work(() => stopped)
      .catch((error: unknown) => logger.warn({ err: error }, 'what people behind the bridge have to hear could not be read; it is tried again'))
      .finally(() => {
        looking = undefined;
        if (wanted) look();
      });
  };
  return {
    look,
    async stop(): Promise<void> {
      stopped = true;
      await looking;
    },
  };
}

const risks = ['low', 'medium', 'high'];

/** What a chat is told of an approval: exactly what would happen, how risky the rules find it, until when, and how to decide. */
export function approvalText(approval: Approval, settings: PlatformSettings | undefined, uiOrigin: string): string {
  const minutes = Math.max(0, Math.round((approval.expiresAt - approval.createdAt) / 60_000));
  const decidable = settings?.approvals === 'code' && settings.admins.length > 0 && risks.indexOf(approval.risk) <= risks.indexOf(settings.maxRisk);
  const how = decidable
    ? `An admin decides with \`!approve ${approval.shortId} <code>\` or \`!reject ${approval.shortId} <code>\``
    : 'It can only be decided in the web UI.';
  const link = `${uiOrigin}/#/approvals/${approval.id}`;
  return [
    `Approval ${approval.shortId}: ${approval.kind === 'shell' ? 'run this command' : approval.kind.replaceAll('_', ' ')}?`,
    codeOf(approval.command, link),
    ...(approval.stdin === undefined ? [] : ['On its standard input:', codeOf(approval.stdin, link)]),
    ...(approval.warnings ?? []).slice(0, 8).map((warning) => `Beware: ${asCode(bounded(warning.replace(/\s+/g, ' '), 300, 'see the web UI'))}`),
    `Risk: ${approval.risk}. Network: ${approval.network === 'none' ? 'none' : describeNetwork(approval.network)}. Expires ${minutes} minutes after it was asked.`,
    how,
  ].join('\n');
}

const left = 800;
const longestRun = 64;

/**
 * OpenClaw renders Markdown and HTML, and drops tags that it does not know; as code a text arrives as it is. Of a long one the
 * beginning and the end are shown. One with a run of backticks that no block fits around is not.
 */
function codeOf(text: string, link: string): string {
  const shown = showInvisible(text);
  if (new RegExp(`\`{${longestRun}}`).test(shown)) return `[It cannot be shown here; all of it: ${link}]`;
  if (shown.length <= shownCommand) return asBlock(text);
  const [head, tail] = [shown.slice(0, left).toWellFormed(), shown.slice(left - shownCommand).toWellFormed()];
  return [asBlock(head), `[${shown.length - shownCommand} characters are left out here; all of it: ${link}]`, asBlock(tail)].join('\n');
}
