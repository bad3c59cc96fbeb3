import type { ActionKind, ActionOf, FileChange, PlanOf } from '@megabot/contracts/action.ts';
import type { Risk } from '@megabot/contracts/approval.ts';
import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import type { Settings } from '../configuration/schema.ts';
import type { CompiledPolicy, ShellJudgement } from '../policy/decide.ts';

/** What was looked up before an action is judged; kinds that need nothing know nothing. */
export interface Facts {
  /** What each file holds, and what it will hold. */
  readonly changes?: readonly FileChange[];
  /** Unified diff of them. */
  readonly diff?: string;
  /** How many items of the memory it is about. */
  readonly items?: number;
  /** The chat that a message goes to, and the title of its conversation. */
  readonly recipient?: { readonly address: BridgeAddress; readonly title: string };
  /** What the rules read of a command that they let through, spelled so that nothing else can be read. */
  readonly script?: string;
  /** Why it cannot be done as things are, in a sentence: then nobody needs to be asked. */
  readonly impossible?: string;
}

export interface PlanPlace {
  readonly conversation: string;
  readonly workspaceRevision: string;
  readonly sandbox: Settings['sandbox'];
}

/** Everything that the interlock has to know of a kind of action. */
export interface KindRules<Kind extends ActionKind> {
  /** The policy's word. A kind without a rule asks. */
  judge(action: ActionOf<Kind>, policy: CompiledPolicy): ShellJudgement;
  /** How much harm it may do, by rules alone. */
  risk(action: ActionOf<Kind>): Risk;
  /** What a person is shown: exactly what will happen. */
  display(action: ActionOf<Kind>, facts: Facts): string;
  /** What the audit log and an ended run hold: no content, only what it was about. */
  summary(action: ActionOf<Kind>): string;
  /** Exactly what will happen, to be hashed, approved and permitted. */
  plan(action: ActionOf<Kind>, place: PlanPlace, facts: Facts): PlanOf<Kind>;
  /** The action that a plan was made from, for judging it again. */
  actionOf(plan: PlanOf<Kind>): ActionOf<Kind>;
  /** Whether what it does depends on the workspace: then an approval holds for its revision alone. */
  readonly usesWorkspace: boolean;
  /** Why the settings leave no room for it, whatever the policy says, in a sentence, or null. Looked at again when its permit is claimed. */
  barred?(action: ActionOf<Kind>, settings: Settings): string | null;
  /** What a person should notice before deciding. */
  warnings?(action: ActionOf<Kind>, settings: Settings, facts: Facts): string[];
  /** Who may propose it, where not everybody may; anybody else is told `refusal`. */
  readonly proposers?: { readonly trust: readonly ('owner' | 'paired' | 'untrusted')[]; readonly refusal: string };
}
