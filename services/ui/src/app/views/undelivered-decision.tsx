import { useState } from 'react';
import type { UndeliveredReport } from '@megabot/contracts/bridge-report.ts';
import { revealed } from '../text/invisible.ts';

interface UndeliveredDecisionProps {
  readonly answer: UndeliveredReport;
  /** While one is carried out, no other begins. */
  readonly busy: boolean;
  readonly onDecide: (decision: 'discard' | 'retry') => void;
}

/** What the owner can do about an answer that has not arrived. Discarding asks once more, because it cannot be taken back. */
export function UndeliveredDecision({ answer, busy, onDecide }: UndeliveredDecisionProps) {
  // Null until it was touched: only then may the focus move to what takes a button's place.
  const [asked, setAsked] = useState<boolean | null>(null);
  const chat = revealed(answer.chat);
  const decide = (decision: 'discard' | 'retry') => {
    if (!busy) onDecide(decision);
  };
  if (asked) {
    return (
      <div key="asked" className="row undelivered-choice">
        <button type="button" aria-label={`Discard for good the answer to ${chat}`} aria-disabled={busy} onClick={() => {
          setAsked(false);
          decide('discard');
        }}>
          Discard for good
        </button>
        {/* A key that is held down must not answer the question as well. */}
        <button type="button" className="plain" autoFocus aria-label={`Keep the answer to ${chat}`} onClick={() => setAsked(false)}>
          Keep
        </button>
      </div>
    );
  }
  const again = answer.state === 'held' ? 'Look again' : 'Try again';
  return (
    <div key="open" className="row undelivered-choice">
      {answer.canRetry !== false && (
        <button type="button" aria-label={`${again}: answer to ${chat}`} aria-disabled={busy} onClick={() => decide('retry')}>
          {again}
        </button>
      )}
      <button type="button" className="plain" autoFocus={asked === false} aria-label={`Discard… the answer to ${chat}`} aria-disabled={busy} onClick={() => setAsked(true)}>
        Discard…
      </button>
    </div>
  );
}
