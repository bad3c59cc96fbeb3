import type { Bus } from '@megabot/bus/port.ts';
import { OneTimeCode, type Approval } from '@megabot/contracts/approval.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { IdPrefix } from '@megabot/contracts/ids.ts';
import { describeNetwork } from '@megabot/contracts/network.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { asCode } from '../display.ts';
import { errorTable } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';

type Decision = 'approve' | 'reject';

export interface ApprovalCommands {
  /** @throws ServiceError where repeating may succeed, and `not_entitled` */
  decide(decision: Decision, argument: string, actor: Actor): Promise<string>;
  pending(actor: Actor): Promise<string>;
  /** The pending approvals whose ids begin with `text`. */
  pendingLike(text: string): Promise<Approval[]>;
}

/** Beginning and end of what would run, so that neither hides behind the other, and what goes with it. */
function shownCommand({ command, stdin, network }: Approval): string {
  const text = asCode(command.length > 400 ? `${command.slice(0, 280)} … ${command.slice(-120)}` : command);
  return [text, ...(stdin === undefined ? [] : ['with standard input']), ...(network === 'none' ? [] : [`with network (${describeNetwork(network)})`])].join(', ');
}
const line = (approval: Approval): string => `- \`${approval.shortId}\` (${approval.risk} risk, ${timeLeft(approval.expiresAt - Date.now())}): ${shownCommand(approval)}`;
const timeLeft = (ms: number): string => (ms <= 0 ? 'about to expire' : ms < 90_000 ? `expires in ${Math.ceil(ms / 1_000)} s` : `expires in ${Math.round(ms / 60_000)} min`);

/** `!approve`, `!reject` and `!pending`. Somebody behind a messenger sees and decides what their own conversation asked. */
export function createApprovalCommands(bus: Bus, events: GatewayEvents): ApprovalCommands {
  const pendingOf = async ({ channel, conversation }: Pick<Actor, 'channel' | 'conversation'>): Promise<Approval[]> => {
    if (channel !== 'bridge') return (await bus.call(interlock.approvalsList, { status: 'pending' })).approvals;
    if (conversation === undefined) return [];
    const { approvals } = await bus.call(interlock.approvalsList, { status: 'pending', conversation });
    // The owner may have asked something there as well, which is not for the chat to read.
    return approvals.filter(({ requestedBy }) => requestedBy.startsWith('bridge:'));
  };

  // Never picks, also where only one waits: what a person approves is what they named.
  const listFor = async (actor: Actor, decision: Decision): Promise<string> => {
    const approvals = await pendingOf(actor);
    if (approvals.length === 0) return 'Nothing waits for an approval.';
    const code = actor.channel === 'bridge' ? ' <code>' : '';
    return [`Say which: \`!${decision} <id>${code}\`. Waiting:`, '', ...approvals.map(line)].join('\n');
  };

  const explain = async (error: unknown, typed: string, decision: Decision, actor: Actor): Promise<string> => {
    const id = asCode(typed);
    if (isServiceError(error, 'approval_unknown')) {
      const others = await pendingOf(actor);
      const known = others.length === 0 ? 'Nothing waits at the moment.' : `Waiting: ${others.map((approval) => `\`${approval.shortId}\``).join(', ')}; \`!pending\` shows them.`;
      return `There is no approval ${id}. ${known} Nothing was decided.`;
    }
    if (isServiceError(error, 'approval_ambiguous')) {
      const candidates = candidatesOf(error.details?.['candidates']);
      return `${id} fits several approvals${candidates.length > 0 ? `: ${candidates.map((candidate) => asCode(candidate)).join(', ')}` : ''}. Give more characters. Nothing was decided.`;
    }
    if (isServiceError(error, 'approval_expired')) return `The approval ${id} has expired, so it did not run. Ask for the action again if you still want it.`;
    if (isServiceError(error, 'approval_decided')) return await alreadyDecided(typed, decision, actor);
    if (isServiceError(error, 'approval_changed')) return `What ${id} would do has changed since it was shown. Look at it again (\`!pending\`), then decide. Nothing was decided.`;
    if (isServiceError(error, 'lockdown')) return `Lockdown: nothing runs, so nothing was approved. ${errorTable.lockdown.hint}`;
    if (isServiceError(error, 'bad_request')) return `${error.message} ${error.hint ?? 'Use the characters shown on the approval.'} Nothing was decided.`;
    throw error;
  };

  // The same word twice (sent again after a failure, say) is no contradiction.
  const alreadyDecided = async (typed: string, decision: Decision, actor: Actor): Promise<string> => {
    const unseen = `The approval ${asCode(typed)} was already decided; the first decision stands.`;
    if (actor.channel === 'bridge') return unseen;
    const approval = await bus.call(interlock.approvalsGet, { approvalId: typed }).catch((error: unknown) => {
      if (isServiceError(error, 'approval_unknown', 'approval_ambiguous')) return undefined;
      throw error;
    });
    if (!approval) return unseen;
    const wanted = decision === 'approve' ? 'approved' : 'rejected';
    if (approval.status === wanted) return `\`${approval.shortId}\` is ${wanted}: ${shownCommand(approval)}`;
    return `\`${approval.shortId}\` was already ${approval.status}${approval.decidedBy ? ` by ${approval.decidedBy}` : ''}; the first decision stands.`;
  };

  return {
    async decide(decision, argument, actor) {
      if (argument === '') return await listFor(actor, decision);
      const words = wordsOf(decision, argument, actor);
      if (typeof words === 'string') return words;
      const { approvalId, code, reason } = words;
      try {
        const { approval } = await bus.call(interlock.decide, {
          approvalId, decision, actor, ...(code === undefined ? {} : { code }), ...(reason === '' ? {} : { reason: reason.slice(0, 1_000) }),
        });
        events.decided(approval.status, approval.id, actor.channel);
        if (decision === 'reject') return `Rejected \`${approval.shortId}\`: ${shownCommand(approval)}`;
        if (approval.status === 'approved') return `Approved \`${approval.shortId}\`: ${shownCommand(approval)}`;
        return `\`${approval.shortId}\` was not approved, it is ${approval.status}: ${approval.reason ?? 'the policy denies it by now.'} Nothing ran; \`!why ${approval.shortId}\` says more.`;
      } catch (error) {
        return await explain(error, approvalId, decision, actor);
      }
    },
    async pending(actor) {
      const approvals = await pendingOf(actor);
      if (approvals.length === 0) return 'Nothing waits for a decision.';
      const code = actor.channel === 'bridge' ? ' <code>' : '';
      return [`${approvals.length === 1 ? 'One approval waits' : `${approvals.length} approvals wait`}; decide with \`!approve <id>${code}\` or \`!reject <id>${code}\`:`, '', ...approvals.map(line)].join('\n');
    },
    async pendingLike(text) {
      const prefix = IdPrefix.safeParse(text.toLowerCase());
      if (!prefix.success) return [];
      return (await pendingOf({ channel: 'native' })).filter((approval) => approval.id.startsWith(prefix.data));
    },
  };
}

/** Takes the argument apart, or says what is wrong with it. A code stands right behind the id, where one is taken. */
function wordsOf(decision: Decision, argument: string, actor: Actor): { approvalId: string; code: string | undefined; reason: string } | string {
  const [typed = '', ...rest] = argument.split(/[ \t]+/);
  const prefix = IdPrefix.safeParse(typed.replace(/^`|`$/g, '').toLowerCase());
  if (!prefix.success) return `${asCode(typed)} is not an id. Use the characters shown on the approval. Nothing was decided.`;
  const takesCode = decision === 'approve' || actor.channel === 'bridge';
  const code = takesCode && OneTimeCode.safeParse(rest[0]).success ? rest.shift() : undefined;
  if (decision === 'approve' && rest.length > 0) return '`!approve` takes one id, and at most a one-time code of six digits. Nothing was decided.';
  return { approvalId: prefix.data, code, reason: rest.join(' ') };
}

function candidatesOf(candidates: unknown): string[] {
  if (!Array.isArray(candidates)) return [];
  return candidates.flatMap((candidate: unknown) => {
    if (typeof candidate === 'string') return [candidate];
    const shortId: unknown = typeof candidate === 'object' && candidate !== null ? Reflect.get(candidate, 'shortId') : undefined;
    return typeof shortId === 'string' ? [shortId] : [];
  });
}
