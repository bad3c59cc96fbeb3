import { useEffect, useState } from 'react';
import { pendingApprovals } from '../state/selectors.ts';
import type { ShownApproval } from '../state/state.ts';
import { guestOf } from '../text/principal-words.ts';
import type { ApiProblem } from '../wire/api.ts';
import { CommandText, cutAt } from './command-text.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** How long a changed list takes no decision, so that a click cannot hit what has just moved under it. */
const inertMs = 600;

/** Whether a line that shows the command shows everything: what reaches a network, reads input, changes files or was asked for behind a messenger wants its card. */
const isAllInItsCommand = ({ command, diff, stdin, network, requestedBy }: ShownApproval): boolean =>
  diff === undefined && stdin === undefined && network === 'none' && guestOf(requestedBy) === null && cutAt(command) === null;

/** Low risk in one go: each command in full view, each chosen by its own box. Nothing is chosen beforehand. */
export function BatchBar() {
  const { state, controller } = useApp();
  const low = pendingApprovals(state).filter((approval) => approval.risk === 'low' && approval.complete && isAllInItsCommand(approval));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [sending, setSending] = useState(false);
  const ids = low.map((approval) => approval.id).join(' ');
  const [settledIds, setSettledIds] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettledIds(ids), inertMs);
    return () => clearTimeout(timer);
  }, [ids]);
  const selected = low.filter((approval) => chosen.has(approval.id)).map((approval) => approval.id);
  const ready = selected.length > 0 && !sending && settledIds === ids;
  if (low.length < 2 && problem === null) return null;

  const choose = (id: string, on: boolean) => setChosen(new Set(on ? [...chosen, id] : [...chosen].filter((one) => one !== id)));
  const decide = async (decision: 'approve' | 'reject') => {
    if (!ready) return;
    setSending(true);
    const result = await controller.decideBatch(selected.slice(0, 50), decision);
    setSending(false);
    setProblem(result);
    if (!result) setChosen(new Set());
  };
  return (
    <section className="panel batch" aria-labelledby="batch-title">
      <h2 id="batch-title">
        <Icon name="info" />
        Low risk, decided together
        <span className="count">{low.length}</span>
      </h2>
      <ul className="rows">
        {low.map((approval) => (
          <li key={approval.id}>
            <input type="checkbox" id={`batch-${approval.id}`} checked={chosen.has(approval.id)} onChange={(event) => choose(approval.id, event.target.checked)} />
            <label htmlFor={`batch-${approval.id}`}>
              <span className="visually-hidden">Choose </span>
              <code className="id">{approval.shortId}</code>
            </label>
            <CommandText text={approval.command} />
          </li>
        ))}
      </ul>
      <div className="row">
        <button type="button" onClick={() => setChosen(new Set(selected.length === low.length ? [] : low.map((approval) => approval.id)))}>
          {selected.length === low.length ? 'Choose none' : 'Choose all'}
        </button>
        <span className="spring" />
        <button type="button" aria-disabled={!ready} onClick={() => void decide('reject')}>
          Reject {selected.length} chosen
        </button>
        <button type="button" className="primary" aria-disabled={!ready} onClick={() => void decide('approve')}>
          <Icon name="check" size={15} />
          Run {selected.length} chosen once
        </button>
      </div>
      {problem && <ProblemText problem={problem} />}
    </section>
  );
}
