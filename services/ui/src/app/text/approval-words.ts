import type { RunLimits } from '@megabot/contracts/action.ts';
import type { Risk } from '@megabot/contracts/approval.ts';
import type { ShownApproval } from '../state/state.ts';
import { principalWords } from './principal-words.ts';
import { clock, duration } from './time.ts';

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
  return `${approval.status === 'pending' ? 'MegaBot asks to' : 'MegaBot asked to'} ${deedWords(approval)}`;
}

function deedWords({ kind, command }: Pick<ShownApproval, 'kind' | 'command'>): string {
  switch (kind) {
    case 'shell': {
      const lines = command.trim().split('\n').length;
      return `run ${lines === 1 ? 'this command' : `this script of ${lines} lines`} in the sandbox.`;
    }
    case 'file_write':
      return 'write these files in the workspace.';
    case 'file_delete':
      return 'delete these files of the workspace.';
    case 'file_move':
      return 'move this file within the workspace.';
    case 'mcp_call':
      return 'call this tool of another program.';
    case 'config_change':
      return 'change these settings of MegaBot.';
    case 'memory_erase':
      return 'forget these items of its memory for good.';
    case 'bridge_send':
      return 'write this to somebody in a messenger.';
    case 'web_request':
      return 'send this request to a web server.';
  }
}

/** Where it would happen. */
export function placeWords(kind: ShownApproval['kind']): string {
  switch (kind) {
    case 'shell':
      return 'a sandbox made for this one run';
    case 'file_write':
    case 'file_delete':
    case 'file_move':
      return 'the workspace of this conversation';
    case 'mcp_call':
      return 'the other program';
    case 'config_change':
      return 'the settings of MegaBot';
    case 'memory_erase':
      return 'the memory of MegaBot';
    case 'bridge_send':
    case 'web_request':
      return 'outside of this machine';
  }
}

/** What it may use at most, as short words. */
export function limitWords(limits: RunLimits): string {
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
  return `${duration(limits.wallMs)}, ${mebibytes(limits.memoryBytes)} of memory, ${limits.cpus} ${limits.cpus === 1 ? 'core' : 'cores'}, ${limits.pids} processes`;
}

/** How it ended: what was decided, by whom, when. */
export function decidedWords(approval: Pick<ShownApproval, 'status' | 'decidedBy' | 'decidedAt' | 'reason'>, now: number): string {
  const by = approval.decidedBy === undefined ? '' : ` by ${principalWords(approval.decidedBy)}`;
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
      return `Cancelled${at}${reason === '' ? ': its turn ended, or another command took its place.' : reason}`;
  }
}
