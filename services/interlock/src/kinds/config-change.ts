import type { ActionOf } from '@megabot/contracts/action.ts';
import { ask, deny, judgeScoped } from './judge-scoped.ts';
import { serviceLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

/**
 * What the assistant may propose to change. Everything else of the file (who decides, secrets, messengers) is changed by the owner
 * in the file alone.
 */
export const proposableKeys: readonly string[] = [
  'local_only', 'default_mode', 'model.url', 'model.name', 'model.allowed_hosts', 'model.context_tokens', 'policies.allow', 'policies.deny', 'approvals.expire_minutes',
  'sandbox.wall_seconds', 'sandbox.memory_mb', 'sandbox.pids', 'sandbox.cpus', 'sandbox.output_kb', 'sandbox.workspace_mb',
];

const allowsEverything = ({ key, value }: ActionOf<'config_change'>['changes'][number]): boolean =>
  key === 'policies.allow' && Array.isArray(value) && value.some((pattern) => typeof pattern === 'string' && pattern.trim() === '*');

/** Settings are asked about, whatever the allow rules say, `*` included. */
export const configChange: KindRules<'config_change'> = {
  judge({ changes }, policy) {
    const keys = changes.map(({ key }) => key);
    const judgement = judgeScoped(policy, { scope: 'config', subjects: keys, always: 'Settings are never changed without asking.', otherwise: '' });
    if (judgement.decision === 'deny') return judgement;
    const unknown = keys.find((key) => !proposableKeys.includes(key));
    if (unknown !== undefined) return deny(null, `The setting ${unknown} cannot be proposed. The owner changes it in meta-config.yaml.`);
    if (new Set(keys).size < keys.length) return deny(null, 'A setting is named twice.');
    if (changes.some(allowsEverything)) return deny(null, 'A rule that allows everything cannot be proposed. The owner writes it into meta-config.yaml, knowing what it means.');
    return judgement.decision === 'ask' ? judgement : ask('Settings are never changed without asking.');
  },
  risk: () => 'high',
  display: ({ changes }) => changes.map(({ key, value }) => `${key}: ${JSON.stringify(value)}`).join('\n'),
  summary: ({ changes }) => `set ${changes.map(({ key }) => key).join(', ')}`,
  plan: (action, { sandbox, conversation, workspaceRevision }) => ({ kind: 'config_change', conversation, workspaceRevision, action, limits: serviceLimits(sandbox) }),
  actionOf: (plan) => plan.action,
  usesWorkspace: false,
  proposers: { trust: ['owner'], refusal: 'Only the owner may have settings changed.' },
};
