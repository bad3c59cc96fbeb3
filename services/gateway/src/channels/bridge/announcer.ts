import type { Bus } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import { bridgeChatOf, bridgeUnsent } from '@megabot/contracts/endpoints/bridge.ts';
import { approvalsList } from '@megabot/contracts/endpoints/interlock.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { PlatformSettings } from '@megabot/contracts/settings.ts';
import { asBlock, bounded, showInvisible } from '../../display.ts';
import type { Answer } from '../openclaw/outbound.ts';
import type { BridgeRulesSource } from './settings.ts';

export interface Announcer {
  /** Something may have to be said: an answer was stored, an approval waits. */
  look(): void;
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
}

const shownCommand = 1_200;
const lookEveryMs = 10_000;

/**
 * Hands over to the bridge what people behind it have to hear: answers of their turns and approvals of their chats. It asks the
 * stores what is still unsaid instead of remembering events, so a kill at any point loses and doubles nothing: the id of an
 * answer is the turn's or the approval's, and an id is one answer for ever.
 */
export function createAnnouncer(deps: AnnouncerDeps): Announcer {
  const { bus, bridge, rules, send, logger } = deps;
  let stopped = false;
  let wanted = false;
  let looking: Promise<void> | undefined;

  const sayAnswers = async (): Promise<void> => {
    let last = '';
    for (;;) {
      const { answers } = await bus.call(bridgeUnsent, { bridge });
      // Whatever would keep one from being stored must not keep us here.
      if (answers.length === 0 || answers[0]?.turnId === last || stopped) return;
      last = answers[0]?.turnId ?? '';
      for (const { turnId, text, chat } of answers) await send({ id: `turn-${turnId}`, to: chat.address, sessionKey: chat.sessionKey, text });
    }
  };
  const sayApprovals = async (): Promise<void> => {
    const { approvals } = await bus.call(approvalsList, { status: 'pending', limit: 200 });
    for (const approval of approvals) {
      if (!approval.requestedBy.startsWith('bridge:')) continue;
      const { chat } = await bus.call(bridgeChatOf, { bridge, conversation: approval.conversation });
      if (!chat) continue;
      const text = approvalText(approval, (await rules.read()).platform(chat.address.platform), deps.uiOrigin);
      await send({ id: `approval-${approval.id}`, to: chat.address, sessionKey: chat.sessionKey, text });
    }
  };

  const run = async (): Promise<void> => {
    wanted = false;
    await sayApprovals();
    await sayAnswers();
  };
  const look = (): void => {
    wanted = true;
    if (stopped || looking) return;
    looking = run()
      .catch((error: unknown) => logger.warn({ err: error }, 'what people behind the bridge have to hear could not be read; it is tried again'))
      .finally(() => {
        looking = undefined;
        if (wanted && !stopped) look();
      });
  };
  const timer = setInterval(look, lookEveryMs);
  return {
    look,
    async stop() {
      stopped = true;
      clearInterval(timer);
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
  return [
    `Approval ${approval.shortId}: ${approval.kind === 'shell' ? 'run this command' : approval.kind.replaceAll('_', ' ')}?`,
    commandText(approval, `${uiOrigin}/#/approvals/${approval.id}`),
    `Risk: ${approval.risk}. Network: ${typeof approval.network === 'string' ? approval.network : 'named hosts'}. Expires ${minutes} minutes after it was asked.`,
    how,
  ].join('\n');
}

/** OpenClaw renders Markdown and HTML, and drops tags that it does not know; as code the command arrives as it is. */
function commandText({ command }: Approval, link: string): string {
  const shown = showInvisible(command);
  if (shown.length <= shownCommand) return asBlock(command);
  const text = bounded(shown, shownCommand, `all of it: ${link}`);
  const end = text.lastIndexOf('\n');
  return `${asBlock(text.slice(0, end))}${text.slice(end)}`;
}
