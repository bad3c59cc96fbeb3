import type { Bus } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { IdPrefix } from '@megabot/contracts/ids.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { asCode } from '../display.ts';
import { errorTable } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';

export interface ApprovalCommands {
  decide(decision: 'approve' | 'reject', argument: string, actor: Actor): Promise<string>;
  /** The pending approvals whose ids begin with `text`. */
  pendingLike(text: string): Promise<Approval[]>;
}

const shownCommand = (approval: Approval): string => asCode(approval.command.length > 400 ? `${approval.command.slice(0, 400)} …` : approval.command);

/** `!approve` and `!reject`. The answer to a person is text; only failures worth repeating are thrown. */
export function createApprovalCommands(bus: Bus, events: GatewayEvents): ApprovalCommands {
  const pending = async (): Promise<Approval[]> => (await bus.call(interlock.approvalsList, { status: 'pending' })).approvals;

  // Never picks, also where only one waits: what a person approves is what they named.
  const listPending = async (decision: 'approve' | 'reject'): Promise<string> => {
    const approvals = await pending();
    if (approvals.length === 0) return 'Nothing waits for an approval.';
    const lines = approvals.map((approval) => `- \`${approval.shortId}\` (${approval.risk} risk): ${shownCommand(approval)}`);
    return [`Say which: \`!${decision} <id>\`. Waiting:`, '', ...lines].join('\n');
  };

  const explain = async (error: unknown, typed: string, decision: 'approve' | 'reject'): Promise<string> => {
    const id = asCode(typed);
    if (isServiceError(error, 'approval_unknown')) {
      const others = await pending();
      const known = others.length === 0 ? 'Nothing waits at the moment.' : `Waiting: ${others.map((approval) => `\`${approval.shortId}\``).join(', ')}.`;
      return `There is no approval ${id}. ${known}`;
    }
    if (isServiceError(error, 'approval_ambiguous')) {
      const candidates = Array.isArray(error.details?.['candidates']) ? error.details['candidates'].map(String) : [];
      return `${id} fits several approvals${candidates.length > 0 ? `: ${candidates.map((candidate) => asCode(candidate)).join(', ')}` : ''}. Give more characters. Nothing was decided.`;
    }
    if (isServiceError(error, 'approval_expired')) return `The approval ${id} has expired, so it did not run. Ask for the action again if you still want it.`;
    if (isServiceError(error, 'approval_decided')) return await alreadyDecided(typed, decision);
    if (isServiceError(error, 'approval_changed')) return `What ${id} would do has changed since it was shown. Look at it again, then decide. Nothing was decided.`;
    if (isServiceError(error, 'lockdown')) return `Lockdown: nothing runs, so nothing was approved. ${errorTable.lockdown.hint}`;
    if (isServiceError(error, 'not_entitled')) return `You may not decide this approval. ${errorTable.not_entitled.hint}`;
    if (isServiceError(error, 'bad_request')) return `${id} is not an id. Use the characters shown on the approval. Nothing was decided.`;
    throw error;
  };

  // The same word twice (sent again after a failure, say) is no contradiction.
  const alreadyDecided = async (typed: string, decision: 'approve' | 'reject'): Promise<string> => {
    const approval = await bus.call(interlock.approvalsGet, { approvalId: typed }).catch((error: unknown) => {
      if (isServiceError(error, 'approval_unknown', 'approval_ambiguous')) return undefined;
      throw error;
    });
    if (!approval) return `The approval ${asCode(typed)} was already decided.`;
    const wanted = decision === 'approve' ? 'approved' : 'rejected';
    if (approval.status === wanted) return `\`${approval.shortId}\` is ${wanted}: ${shownCommand(approval)}`;
    return `\`${approval.shortId}\` was already ${approval.status}${approval.decidedBy ? ` by ${approval.decidedBy}` : ''}; the first decision stands.`;
  };

  return {
    async decide(decision, argument, actor) {
      if (argument === '') return await listPending(decision);
      const [typed = '', ...rest] = argument.split(/\s+/);
      const reason = rest.join(' ');
      const prefix = IdPrefix.safeParse(typed.replace(/^`|`$/g, '').toLowerCase());
      if (!prefix.success) return `${asCode(typed)} is not an id. Use the characters shown on the approval. Nothing was decided.`;
      if (decision === 'approve' && reason !== '') return `\`!approve\` takes one id and nothing else. Nothing was decided.`;
      try {
        const { approval } = await bus.call(interlock.decide, { approvalId: prefix.data, decision, actor, ...(reason === '' ? {} : { reason: reason.slice(0, 1_000) }) });
        events.decided(decision, approval.id, actor.channel);
        return decision === 'approve' ? `Approved \`${approval.shortId}\`: ${shownCommand(approval)}` : `Rejected \`${approval.shortId}\`: ${shownCommand(approval)}`;
      } catch (error) {
        return await explain(error, prefix.data, decision);
      }
    },
    async pendingLike(text) {
      const prefix = IdPrefix.safeParse(text.toLowerCase());
      if (!prefix.success) return [];
      return (await pending()).filter((approval) => approval.id.startsWith(prefix.data));
    },
  };
}
