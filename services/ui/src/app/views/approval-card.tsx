import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import type { ShownApproval } from '../state/state.ts';
import { approvalWords, decidedWords, riskWords } from '../text/approval-words.ts';
import { ApiProblem, type EditedApproval, type Scope } from '../wire/api.ts';
import { ApprovalDecision, type Sent } from './approval-decision.tsx';
import { ApprovalFacts } from './approval-facts.tsx';
import { CommandText, cutAt } from './command-text.tsx';
import { useApp } from './context.ts';
import { CopyButton } from './copy-button.tsx';
import { DiffView, diffIsLong } from './diff-view.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { AskedWith, Provenance } from './provenance.tsx';
import { useTimeLeft } from './use-time-left.ts';

/** How long a fresh card takes no decision, so that what somebody was typing cannot decide. */
const inertMs = 600;

/**
 * One request for leave: what it is, exactly what would run, why it is asked, where it would run, and the decision. Reject
 * comes first; Approve answers only once all of the command was in view and, at high risk, the end of the id was typed.
 */
export function ApprovalCard({ approval, focus = false, inChat = false }: { approval: ShownApproval; focus?: boolean; /** What was written stands right above it. */ inChat?: boolean }) {
  const { controller, preferences } = useApp();
  const ids = useId();
  const card = useRef<HTMLElement>(null);
  const reject = useRef<HTMLButtonElement>(null);
  const confirmation = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [sent, setSent] = useState<Sent | null>(null);
  const [edited, setEdited] = useState<EditedApproval | null>(null);
  const [typed, setTyped] = useState('');
  const [seenWhole, setSeenWhole] = useState<string | null>(null);
  const [seenInput, setSeenInput] = useState<string | null>(null);
  const [seenDiff, setSeenDiff] = useState<string | null>(null);
  const whole = cutAt(approval.command) === null || seenWhole === approval.command;
  const wholeInput = approval.stdin === undefined || cutAt(approval.stdin) === null || seenInput === approval.stdin;
  const wholeDiff = approval.diff === undefined || !diffIsLong(approval.diff) || seenDiff === approval.diff;
  const left = useTimeLeft(approval.status === 'pending' ? approval.expiresAt : null, controller.api.serverNow);
  const pending = approval.status === 'pending' && left !== null;
  const inert = useInert(`${approval.planHash ?? approval.id} ${focus}`, pending);
  const risk = riskWords(approval.risk);
  const needsTyping = approval.risk === 'high';
  const ending = approval.shortId.slice(-4);
  const confirmed = !needsTyping || typed.trim().toLowerCase() === ending.toLowerCase();
  const ready = pending && !inert && sent === null;
  const mayApprove = ready && approval.complete && whole && wholeInput && wholeDiff && confirmed;

  useEffect(() => {
    if (!pending) return;
    // Somebody who writes or reads elsewhere keeps the focus; the card is announced and one key away.
    if (focus || document.activeElement === document.body) reject.current?.focus();
  }, [pending, focus]);
  useEffect(() => {
    if (left === null && approval.status === 'pending') controller.readApproval(approval.id);
  }, [left, approval.status, approval.id, controller]);

  const carryOut = async (what: Sent, work: () => Promise<ApiProblem | null>) => {
    setSent(what);
    const result = await work();
    setSent(null);
    setProblem(result);
    card.current?.focus();
  };
  const approve = async (scope: Scope) => {
    if (mayApprove) await carryOut(scope, async () => await controller.decide(approval.id, 'approve', scope === 'once' ? {} : { scope }));
  };
  const turnDown = async (reason?: string) => {
    if (ready) await carryOut('reject', async () => await controller.decide(approval.id, 'reject', reason === undefined ? {} : { reason }));
  };
  const edit = async (command: string) => {
    if (!ready) return;
    await carryOut('edit', async () => {
      const result = await controller.edit(approval.id, command);
      if (result instanceof ApiProblem) return result;
      setEdited(result);
      return null;
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!preferences.singleKeys || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    if (event.key !== 'y' && event.key !== 'n') return;
    event.preventDefault();
    if (event.key === 'n') void turnDown();
    else if (needsTyping && !confirmed) confirmation.current?.focus();
    else void approve('once');
  };
  const shortage = !approval.complete ? 'Reading the whole command…' : !whole ? 'Show all of the command to approve it.' : !wholeInput ? 'Show all of the standard input to approve it.' : !wholeDiff ? 'Show all of the changes to approve them.' : null;
  return (
    <article className={`approval risk-${approval.risk}${pending ? '' : ' settled'}`} ref={card} tabIndex={-1} aria-label={`Approval ${approval.shortId}`} onKeyDown={pending ? onKeyDown : undefined}>
      <header>
        <span className={`risk risk-${approval.risk}`}>
          <Icon name={risk.icon} size={15} />
          {risk.text}
        </span>
        <span className="approval-id">
          <code className="id">{approval.shortId}</code>
          <CopyButton text={approval.id} what="approval id" />
        </span>
        <span className="spring" />
        {pending && (
          <span className="expiry">
            <Icon name="clock" size={14} />
            <span>
              Expires in <span className="tabular">{left}</span>
            </span>
          </span>
        )}
      </header>
      <h2>{approvalWords(approval)}</h2>
      <Provenance approval={approval} />
      <CommandText key={`${approval.planHash} ${approval.command.length}`} text={approval.command} onWhole={() => setSeenWhole(approval.command)} />
      {approval.stdin !== undefined && (
        <div className="stdin">
          <h3>It is given this on standard input</h3>
          <CommandText key={`${approval.planHash} ${approval.stdin.length}`} text={approval.stdin} label="Standard input" onWhole={() => setSeenInput(approval.stdin ?? '')} />
        </div>
      )}
      {approval.diff !== undefined && approval.diff !== '' && <DiffView key={approval.diff.length} diff={approval.diff} onWhole={() => setSeenDiff(approval.diff ?? '')} />}
      <ApprovalFacts approval={approval} />
      {!inChat && <AskedWith approval={approval} />}
      {pending ? (
        <>
          {needsTyping && (
            <div className="confirm">
              <label htmlFor={`${ids}-confirm`}>
                High risk: type <code>{ending}</code>, the end of the id, to approve
              </label>
              <input id={`${ids}-confirm`} ref={confirmation} value={typed} maxLength={8} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setTyped(event.target.value)} onKeyDown={(event) => {
                if (event.key === 'Enter') void approve('once');
              }} />
            </div>
          )}
          <ApprovalDecision approval={approval} ready={ready} mayApprove={mayApprove} sent={sent} shortage={shortage} rejectButton={reject} onApprove={(scope) => void approve(scope)} onReject={(reason) => void turnDown(reason)} onEdit={(command) => void edit(command)} />
        </>
      ) : (
        <p className="verdict" role="status">
          {decidedWords(approval, Date.now())}
        </p>
      )}
      {edited && (
        <p className="note" role="status">
          <Icon name={edited.outcome.decision === 'deny' ? 'cross' : 'check'} />
          <span>{editedWords(edited)}</span>
        </p>
      )}
      {problem && <ProblemText problem={problem} />}
    </article>
  );
}

function editedWords({ outcome }: EditedApproval): string {
  switch (outcome.decision) {
    case 'deny':
      return `What you put in its place is denied${outcome.rule === null ? '' : ` by the rule ${outcome.rule}`}: ${outcome.reasons.join(' ')} Nothing ran.`;
    case 'allow':
      return 'What you put in its place is allowed by the policy, and runs.';
    case 'ask':
      return `What you put in its place waits as ${outcome.shortId}.`;
  }
}

/** True for a moment after `key` appears, and again whenever it changes: another plan, or the card's turn to be in focus. */
function useInert(key: string, pending: boolean): boolean {
  const [ready, setReady] = useState<string | null>(null);
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(() => setReady(key), inertMs);
    return () => clearTimeout(timer);
  }, [key, pending]);
  return ready !== key;
}
