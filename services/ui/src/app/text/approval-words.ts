import type { Risk } from '@megabot/contracts/approval.ts';
import type { ShownApproval } from '../state/state.ts';
import { clock } from './time.ts';

/** The risk with the icon that always goes with its colour. */
export function riskWords(risk: Risk): { icon: 'info' | 'alert' | 'octagon'; text: string } {
  switch (risk) {
    case 'low':
      return { icon: 'info', text: 'Low risk' };
    case 'medium':
      return { icon: 'alert', text: 'Medium risk' };
    case 'high':
      return { icon: 'octagon', text: 'High risk' };
  }
}

/** What would happen, in one sentence that claims nothing beyond what is certain. */
export function approvalWords(approval: Pick<ShownApproval, 'kind' | 'command' | 'status'>): string {
  const asks = approval.status === 'pending' ? 'MegaBot asks to' : 'MegaBot asked to';
  switch (approval.kind) {
    case 'shell': {
      const lines = approval.command.trim().split('\n').length;
      return `${asks} run ${lines === 1 ? 'this command' : `this script of ${lines} lines`} in the sandbox.`;
    }
    case 'file_write':
      return `${asks} write these files in the workspace.`;
  }
}

/** How it ended: what was decided, by whom, when. */
export function decidedWords(approval: Pick<ShownApproval, 'status' | 'decidedBy' | 'decidedAt' | 'reason'>, now: number): string {
  const by = approval.decidedBy === undefined ? '' : ` by ${approval.decidedBy}`;
  const at = approval.decidedAt === undefined ? '' : `, ${clock(approval.decidedAt, now)}`;
  const reason = approval.reason ? `: ${approval.reason}` : '';
  switch (approval.status) {
    case 'pending':
    case 'expired':
      return 'Expired before anybody decided. Ask again if it is still wanted.';
    case 'approved':
      return `✓ Approved${by}${at}${reason}`;
    case 'rejected':
      return `✕ Rejected${by}${at}${reason}`;
    case 'cancelled':
      return `Cancelled with its turn${at}`;
  }
}
