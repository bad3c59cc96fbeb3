import { useEffect, useState } from 'react';
import { pendingApprovals } from '../state/selectors.ts';
import type { ApiProblem } from '../wire/api.ts';
import { ApprovalCard } from './approval-card.tsx';
import { BatchBar } from './batch-bar.tsx';
import { useApp } from './context.ts';
import { ProblemText } from './problem-text.tsx';

const recentlyShown = 20;

/** Everything that waits for a decision, low risk together at the top, and below what was decided last. `wanted` stands in front. */
export function ApprovalsPage({ wanted }: { wanted: string | undefined }) {
  const { state, controller } = useApp();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  useEffect(() => {
    if (wanted !== undefined) void controller.findApproval(wanted).then(setProblem);
  }, [wanted, controller]);
  const first = wanted === undefined ? undefined : Object.values(state.approvals).find((approval) => approval.id.startsWith(wanted));
  const pending = pendingApprovals(state);
  // What is decided here stays where it was until the page is left.
  const [shown, setShown] = useState<readonly string[]>(() => pending.map((approval) => approval.id));
  const fresh = pending.filter((approval) => !shown.includes(approval.id)).map((approval) => approval.id);
  if (fresh.length > 0) setShown([...shown, ...fresh]);
  const decided = Object.values(state.approvals)
    .filter((approval) => approval.status !== 'pending' && !shown.includes(approval.id) && approval !== first)
    .toSorted((a, b) => (b.decidedAt ?? b.expiresAt) - (a.decidedAt ?? a.expiresAt))
    .slice(0, recentlyShown);
  return (
    <>
      <p className="lead">
        {pending.length === 0 ? 'Nothing needs you. What MegaBot wants to do and the policy does not allow by itself waits here.' : `${pending.length === 1 ? 'One approval waits' : `${pending.length} approvals wait`} for you. Nothing runs before you decide; what nobody decides expires and does not run.`}
      </p>
      {problem && first === undefined && <ProblemText problem={problem} />}
      {first && <ApprovalCard key={`wanted ${first.id}`} approval={first} focus />}
      <BatchBar />
      {shown.map((id) => {
        const approval = state.approvals[id];
        return approval && approval !== first && <ApprovalCard key={id} approval={approval} />;
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
