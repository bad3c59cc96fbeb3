import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import type { ShownApproval } from '../state/state.ts';
import { timeLeft, timeLeftTick } from '../text/time.ts';
import { networkWords } from '../text/network-words.ts';
import { approvalWords, decidedWords, riskWords } from '../text/approval-words.ts';
import type { ApiProblem } from '../wire/api.ts';
import { CommandText, cutAt } from './command-text.tsx';
import { useApp } from './context.ts';
import { CopyButton } from './copy-button.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';

/** How long a fresh card takes no decision, so that what somebody was typing cannot decide. */
const inertMs = 600;

/**
 * One request for leave: what it is, exactly what would run, why it is asked, where it would run, and the decision. Reject
 * comes first; Approve answers only once all of the command was in view and, at high risk, the end of the id was typed.
 */
export function ApprovalCard({ approval, focus = false }: { approval: ShownApproval; focus?: boolean }) {
  const { controller, preferences } = useApp();
  const ids = useId();
  const card = useRef<HTMLElement>(null);
  const reject = useRef<HTMLButtonElement>(null);
  const confirmation = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [sent, setSent] = useState<'approve' | 'reject' | null>(null);
  const [typed, setTyped] = useState('');
  const [seenWhole, setSeenWhole] = useState<string | null>(null);
  const whole = cutAt(approval.command) === null || seenWhole === approval.command;
  const left = useTimeLeft(approval, controller.api.serverNow);
  const pending = approval.status === 'pending' && left !== null;
  const inert = useInert(`${approval.planHash ?? approval.id} ${focus}`, pending);
  const risk = riskWords(approval.risk);
  const needsTyping = approval.risk === 'high';
  const ending = approval.shortId.slice(-4);
  const confirmed = !needsTyping || typed.trim().toLowerCase() === ending.toLowerCase();
  const ready = pending && !inert && sent === null;
  const mayApprove = ready && approval.complete && whole && confirmed;

  useEffect(() => {
    if (!pending) return;
    // Somebody who writes or reads elsewhere keeps the focus; the card is announced and one key away.
    if (focus || document.activeElement === document.body) reject.current?.focus();
  }, [pending, focus]);
  useEffect(() => {
    if (left === null && approval.status === 'pending') controller.readApproval(approval.id);
  }, [left, approval.status, approval.id, controller]);

  const decide = async (decision: 'approve' | 'reject') => {
    if (decision === 'approve' ? !mayApprove : !ready) return;
    setSent(decision);
    const result = await controller.decide(approval.id, decision);
    setSent(null);
    setProblem(result);
    card.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!preferences.singleKeys || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof HTMLInputElement) return;
    if (event.key !== 'y' && event.key !== 'n') return;
    event.preventDefault();
    if (event.key === 'n') void decide('reject');
    else if (needsTyping && !confirmed) confirmation.current?.focus();
    else void decide('approve');
  };
  const shortage = !approval.complete ? 'Reading the whole command…' : !whole ? 'Show all of the command to approve it.' : null;
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
      <h3>{approvalWords(approval)}</h3>
      <CommandText key={`${approval.planHash} ${approval.command.length}`} text={approval.command} onWhole={() => setSeenWhole(approval.command)} />
      {approval.reasons.length > 0 && (
        <div className="reasons">
          <h4>Why you are asked</h4>
          <ul>
            {approval.reasons.map((reason, index) => (
              <li key={index}><ReasonText text={reason} /></li>
            ))}
          </ul>
        </div>
      )}
      <dl className="facts">
        <div>
          <dt>Folder</dt>
          <dd><code>{approval.cwd ?? '…'}</code></dd>
        </div>
        <div>
          <dt>Network</dt>
          <dd>{networkWords(approval.network)}</dd>
        </div>
        <div>
          <dt>Runs in</dt>
          <dd>a sandbox made for this one run</dd>
        </div>
        {approval.requestedBy !== undefined && (
          <div>
            <dt>Asked by</dt>
            <dd>{approval.requestedBy}</dd>
          </div>
        )}
      </dl>
      {pending ? (
        <>
          {needsTyping && (
            <div className="confirm">
              <label htmlFor={`${ids}-confirm`}>
                High risk: type <code>{ending}</code>, the end of the id, to approve
              </label>
              <input id={`${ids}-confirm`} ref={confirmation} value={typed} maxLength={8} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setTyped(event.target.value)} onKeyDown={(event) => {
                if (event.key === 'Enter') void decide('approve');
              }} />
            </div>
          )}
          <div className="decision" role="group" aria-label={`Decision on ${approval.shortId}`}>
            <button type="button" className="reject" ref={reject} aria-disabled={!ready} aria-keyshortcuts="n" onClick={() => void decide('reject')}>
              <Icon name="cross" size={15} />
              {sent === 'reject' ? 'Rejecting…' : 'Reject'}
            </button>
            <button type="button" className="primary approve" aria-disabled={!mayApprove} aria-keyshortcuts="y" onClick={() => void decide('approve')}>
              <Icon name="check" size={15} />
              {sent === 'approve' ? 'Approving…' : 'Approve'}
            </button>
            {shortage && <span className="shortage">{shortage}</span>}
          </div>
        </>
      ) : (
        <p className="verdict" role="status">
          {decidedWords(approval, Date.now())}
        </p>
      )}
      {problem && <ProblemText problem={problem} />}
    </article>
  );
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

function useTimeLeft(approval: ShownApproval, now: () => number): string | null {
  const [at, setAt] = useState(now);
  useEffect(() => {
    if (approval.status !== 'pending') return;
    const timer = setTimeout(() => setAt(now()), timeLeftTick(approval.expiresAt, at));
    return () => clearTimeout(timer);
  }, [approval.status, approval.expiresAt, at, now]);
  return timeLeft(approval.expiresAt, at);
}
