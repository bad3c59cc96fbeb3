import type { ShownApproval } from '../state/state.ts';

// What the interlock takes for a rule that means exactly one command: words without quotes, wildcards or anything of the shell.
const plainCommand = /^[A-Za-z0-9_@%+=:,./-]+(?: [A-Za-z0-9_@%+=:,./-]+)*$/;

/** The rule that "always" would make of a command, or null where no rule can stand for exactly it: none gives network or standard input. */
export function exactRule(approval: Pick<ShownApproval, 'kind' | 'command' | 'risk' | 'network' | 'stdin'>): string | null {
  const bare = (approval.network ?? 'none') === 'none' && approval.stdin === undefined;
  return bare && mayLast(approval) && plainCommand.test(approval.command) ? `=${approval.command}` : null;
}

/** Whether it can be approved for longer than once: commands alone, and what is risky is looked at each time. */
export const mayLast = (approval: Pick<ShownApproval, 'kind' | 'risk'>): boolean => approval.kind === 'shell' && approval.risk !== 'high';
