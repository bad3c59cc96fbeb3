import { useLayoutEffect, useRef, useState } from 'react';
import { routeHash } from '../route.ts';
import { pendingApprovals } from '../state/selectors.ts';
import { ApprovalCard } from './approval-card.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';

/** All that waits for a decision, over whatever page is open. What is decided here stays in view until it is closed. */
export function PendingDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the contents take the focus: a dialog that is not shown cannot have it.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="drawer" aria-labelledby="pending-title" onClose={onClose} onClick={(event) => {
      if (event.target === dialog.current) onClose();
    }}>
      {open && <Contents onClose={onClose} />}
    </dialog>
  );
}

function Contents({ onClose }: { onClose: () => void }) {
  const { state } = useApp();
  const pending = pendingApprovals(state);
  const [shown, setShown] = useState<readonly string[]>(() => pending.map((approval) => approval.id));
  const fresh = pending.filter((approval) => !shown.includes(approval.id)).map((approval) => approval.id);
  if (fresh.length > 0) setShown([...shown, ...fresh]);
  const first = shown.find((id) => state.approvals[id]?.status === 'pending');
  return (
    <div className="drawer-inner">
      <header className="bar">
        <h2 id="pending-title">{pending.length === 0 ? 'Nothing is pending' : `${pending.length} pending`}</h2>
        <span className="spring" />
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {shown.length === 0 && <p className="empty quiet">Nothing needs you. What MegaBot wants to do and the policy does not allow by itself waits here.</p>}
      {pending.length > 0 && (
        <p className="quiet keys">
          <kbd>y</kbd> approves once, <kbd>n</kbd> rejects, <kbd>Tab</kbd> moves on, <kbd>Esc</kbd> closes. <a href={routeHash({ page: 'approvals' })} onClick={onClose}>All approvals</a>
        </p>
      )}
      {shown.map((id) => {
        const approval = state.approvals[id];
        return approval && <ApprovalCard key={id} approval={approval} focus={id === first} />;
      })}
    </div>
  );
}
