import type { ConversationGrant } from '@megabot/contracts/policy.ts';
import { clock } from '../text/time.ts';
import { CommandText } from './command-text.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { titleOf } from '../text/title.ts';

/** What runs without asking although no rule says so: allowed for one conversation, for some time. */
export function PolicyGrants({ grants, onChange }: { grants: readonly ConversationGrant[]; onChange: (work: () => Promise<unknown>) => Promise<boolean> }) {
  const { state, controller } = useApp();
  if (grants.length === 0) return null;
  const nameOf = (id: string): string => titleOf(state.conversations.find((one) => one.id === id) ?? { id, title: '' });
  return (
    <section className="panel" aria-labelledby="grants-title">
      <h2 id="grants-title">
        <Icon name="clock" />
        Allowed for one conversation
        <span className="count">{grants.length}</span>
      </h2>
      <ul className="rows">
        {grants.map((grant) => (
          <li key={grant.id} className="grant">
            <div>
              <CommandText text={grant.command} />
              <p className="quiet">
                {nameOf(grant.conversation)}, until {clock(grant.expiresAt, Date.now())}, by {grant.grantedBy}
              </p>
            </div>
            <button type="button" aria-label={`Take back ${grant.command.slice(0, 80)}`} onClick={() => void onChange(() => controller.api.revokeGrant(grant.id))}>
              Take back
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
