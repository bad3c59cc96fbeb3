import type { ActionOf } from '@megabot/contracts/action.ts';
import { judgeScoped, deny } from './judge-scoped.ts';
import { serviceLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

const erased = ({ ids, session, space }: ActionOf<'memory_erase'>): string => {
  if (ids.length > 0) return `${ids.length} named items of the memory "${space}"`;
  return session === null ? `everything in the memory "${space}"` : `the session "${session}" of the memory "${space}"`;
};

export const memoryErase: KindRules<'memory_erase'> = {
  judge(action, policy) {
    if (action.ids.length > 0 && action.session !== null) return deny(null, 'Items are erased by their ids or by their session, not by both.');
    return judgeScoped(policy, { scope: 'memory', subjects: ['erase'], always: null, otherwise: 'No rule allows erasing memory ("memory:erase").' });
  },
  // Nothing brings back what was forgotten.
  risk: () => 'high',
  display: (action, { items }) => `Forget ${erased(action)}.${items === undefined ? '' : ` As of now that is ${items === 1 ? '1 item' : `${items} items`}.`}${action.ids.length === 0 ? '' : `\n${action.ids.join('\n')}`}`,
  summary: (action) => `forget ${erased(action)}`,
  plan(action, { sandbox, conversation, workspaceRevision }, { items }) {
    if (items === undefined) throw new Error('erasing memory was planned without counting what goes');
    return { kind: 'memory_erase', conversation, workspaceRevision, action, items, limits: serviceLimits(sandbox) };
  },
  actionOf: (plan) => plan.action,
  usesWorkspace: false,
};
