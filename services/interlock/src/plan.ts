import type { Action, ActionKind, RunPlan } from '@megabot/contracts/action.ts';
import { canonicalHash } from '@megabot/contracts/canonical.ts';
import type { Settings } from './configuration/schema.ts';
import type { Facts } from './kinds/rules.ts';
import { kindTable, rulesOf } from './kinds/table.ts';

export { actionOf, displayOf, summaryOf } from './kinds/table.ts';

/** Exactly what will happen for an action, with what was looked up for it, under the limits of the configuration. */
export function planOf(action: Action, conversation: string, workspaceRevision: string, sandbox: Settings['sandbox'], facts: Facts = {}): RunPlan {
  return rulesOf(action).plan(action, { conversation, workspaceRevision, sandbox }, facts);
}

export const planHash = (plan: RunPlan): string => canonicalHash(plan);

/** Whether an approval of this kind holds for the workspace's revision alone, since what it does depends on it. */
export const usesWorkspace = (kind: ActionKind): boolean => kindTable[kind].usesWorkspace;
