import { useLayoutEffect, useRef } from 'react';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';

const keys: readonly (readonly [keys: string, does: string])[] = [
  ['.', 'open what is pending'],
  ['Ctrl .', 'the same, also while writing'],
  ['y / n', 'approve once, or reject, the approval in focus'],
  ['Esc', 'leave the field, close a panel'],
  ['Enter', 'send; Shift Enter breaks the line'],
  ['?', 'this list'],
];

/** The keys, and the switch that turns the single ones off (WCAG 2.1.4). */
export function Shortcuts({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { preferences, setPreferences } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the contents take the focus: a dialog that is not shown cannot have it.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="sheet" aria-labelledby="shortcuts-title" onClose={onClose}>
      <header className="bar">
        <h2 id="shortcuts-title">Keyboard shortcuts</h2>
        <span className="spring" />
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <dl className="keys-list">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={preferences.singleKeys} onChange={(event) => setPreferences({ ...preferences, singleKeys: event.target.checked })} />
        Single-key shortcuts
      </label>
    </dialog>
  );
}
