import { useState } from 'react';
import { pendingApprovals } from '../state/selectors.ts';
import { ApprovalCard } from './approval-card.tsx';
import { BatchBar } from './batch-bar.tsx';
import { useApp } from './context.ts';

const recentlyShown = 20;

/** Everything that waits for a decision, low risk together at the top, and below what was decided last. */
export function ApprovalsPage() {
  const { state } = useApp();
  const pending = pendingApprovals(state);
  // What is decided here stays where it was until the page is left.
  const [shown, setShown] = useState<readonly string[]>(() => pending.map((approval) => approval.id));
  const fresh = pending.filter((approval) => !shown.includes(approval.id)).map((approval) => approval.id);
  if (fresh.length > 0) setShown([...shown, ...fresh]);
  const decided = Object.values(state.approvals)
    .filter((approval) => approval.status !== 'pending' && !shown.includes(approval.id))
    .toSorted((a, b) => (b.decidedAt ?? b.expiresAt) - (a.decidedAt ?? a.expiresAt))
    .slice(0, recentlyShown);
  return (
    <>
      <p className="lead">
        {pending.length === 0 ? 'Nothing needs you. What MegaBot wants to do and the policy does not allow by itself waits here.' : `${pending.length === 1 ? 'One approval waits' : `${pending.length} approvals wait`} for you. Nothing runs before you decide; what nobody decides expires and does not run.`}
      </p>
      <BatchBar />
      {shown.map((id) => {
        const approval = state.approvals[id];
        return approval && <ApprovalCard key={id} approval={approval} />;
      })}
      {decided.length > 0 && (
        <section className="decided-list" aria-labelledby="decided-title">
          <h2 id="decided-title">Decided before</h2>
          {decided.map((approval) => (
            <ApprovalCard key={approval.id} approval={approval} />
          ))}
        </section>
      )}
    </>
  );
}
