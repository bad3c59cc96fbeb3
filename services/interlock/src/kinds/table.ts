import type { Action, ActionKind, ActionOf, PlanOf, RunPlan } from '@megabot/contracts/action.ts';
import type { Risk } from '@megabot/contracts/approval.ts';
import { bridgeSend } from './bridge-send.ts';
import { configChange } from './config-change.ts';
import { fileDelete, fileMove, fileWrite } from './files.ts';
import { memoryErase } from './inward.ts';
import { mcpCall, webRequest } from './outward.ts';
import type { KindRules } from './rules.ts';
import { shell } from './shell.ts';

/** Every kind of action, through one door: a kind that is not in here does not compile. */
export const kindTable = {
  shell,
  file_write: fileWrite,
  file_delete: fileDelete,
  file_move: fileMove,
  mcp_call: mcpCall,
  config_change: configChange,
  memory_erase: memoryErase,
  bridge_send: bridgeSend,
  web_request: webRequest,
} as const satisfies { readonly [Kind in ActionKind]: KindRules<Kind> };

/** The rules of an action's kind; they take exactly that action. */
export const rulesOf = <Kind extends ActionKind>(of: ActionOf<Kind>): KindRules<Kind> => kindTable[of.kind] as unknown as KindRules<Kind>;
/** The rules of a plan's kind. */
export const rulesOfPlan = <Kind extends ActionKind>(of: PlanOf<Kind>): KindRules<Kind> => kindTable[of.kind] as unknown as KindRules<Kind>;

export const actionOf = (plan: RunPlan): Action => rulesOfPlan(plan).actionOf(plan);
export const displayOf = (action: Action, facts: Parameters<KindRules<ActionKind>['display']>[1] = {}): string => rulesOf(action).display(action, facts);
export const summaryOf = (action: Action): string => rulesOf(action).summary(action);
export const riskOf = (action: Action): Risk => rulesOf(action).risk(action);
