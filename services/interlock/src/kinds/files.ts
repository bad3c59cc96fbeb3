import type { FileChange, PlanOf } from '@megabot/contracts/action.ts';
import type { Risk } from '@megabot/contracts/approval.ts';
import { judgeFiles, type CompiledPolicy, type ShellJudgement } from '../policy/decide.ts';
import { guardedAs } from './guarded-path.ts';
import { judgeScoped } from './judge-scoped.ts';
import { sandboxLimits } from './limits.ts';
import type { Facts, KindRules } from './rules.ts';
import { environment } from './shell.ts';

/** Changes of files: rules about paths deny, `write:` rules may allow, and files that others run or trust always ask. */
function judgePaths(paths: readonly string[], policy: CompiledPolicy): ShellJudgement {
  const byPath = judgeFiles(paths, policy);
  if (byPath.decision === 'deny') return byPath;
  const guarded = paths.map((path) => ({ path, as: guardedAs(path) })).find(({ as }) => as !== null);
  return judgeScoped(policy, {
    scope: 'write',
    subjects: paths,
    always: guarded ? `${guarded.path} is ${guarded.as}: a change of it is never allowed without asking.` : null,
    otherwise: 'No rule of the scope "write:" covers this change of files.',
  });
}

const riskOf = (paths: readonly string[]): Risk => (paths.some((path) => guardedAs(path) !== null) ? 'high' : 'medium');
const bytes = (text: string): number => Buffer.byteLength(text);

/** @throws Error where the files were not looked up: a plan without them would be bound to nothing */
function changesOf(facts: Facts): FileChange[] {
  if (facts.changes === undefined) throw new Error('a change of files was planned without looking at the files');
  return [...facts.changes];
}

export const fileWrite: KindRules<'file_write'> = {
  judge: (action, policy) => judgePaths(action.files.map((file) => file.path), policy),
  risk: (action) => riskOf(action.files.map((file) => file.path)),
  display: (action) => action.files.map((file) => `${file.path} (${bytes(file.content)} bytes)\n${file.content}`).join('\n\n'),
  summary: (action) => action.files.map((file) => `${file.path} (${bytes(file.content)} bytes)`).join('\n'),
  plan: (action, { sandbox, conversation, workspaceRevision }, facts): PlanOf<'file_write'> => ({
    kind: 'file_write',
    conversation,
    argv: [],
    files: action.files,
    cwd: '/workspace',
    env: { ...environment },
    image: sandbox.image,
    network: 'none',
    limits: sandboxLimits(sandbox),
    workspaceRevision,
    changes: changesOf(facts),
  }),
  actionOf: (plan) => ({ kind: 'file_write', files: plan.files }),
  usesWorkspace: true,
};

export const fileDelete: KindRules<'file_delete'> = {
  judge: (action, policy) => judgePaths(action.paths, policy),
  risk: (action) => riskOf(action.paths),
  display: (action) => `Delete ${action.paths.length === 1 ? 'this file' : `these ${action.paths.length} files`}:\n${action.paths.join('\n')}`,
  summary: (action) => action.paths.map((path) => `delete ${path}`).join('\n'),
  plan: (_action, { sandbox, conversation, workspaceRevision }, facts) => ({ kind: 'file_delete', conversation, workspaceRevision, changes: changesOf(facts), limits: sandboxLimits(sandbox) }),
  actionOf: (plan) => ({ kind: 'file_delete', paths: plan.changes.map((change) => change.path) }),
  usesWorkspace: true,
};

export const fileMove: KindRules<'file_move'> = {
  judge: (action, policy) => judgePaths([action.from, action.to], policy),
  risk: (action) => riskOf([action.from, action.to]),
  display: (action) => `Move the file ${action.from}\nto ${action.to}`,
  summary: (action) => `move ${action.from} to ${action.to}`,
  plan: ({ from, to }, { sandbox, conversation, workspaceRevision }, facts) => ({ kind: 'file_move', conversation, workspaceRevision, from, to, changes: changesOf(facts), limits: sandboxLimits(sandbox) }),
  actionOf: ({ from, to }) => ({ kind: 'file_move', from, to }),
  usesWorkspace: true,
};
