import { useState, type ReactNode } from 'react';
import { isWaiting, nameOf, standing, type CodeRow } from '../text/code-words.ts';
import { useApp } from './context.ts';

interface CodeHolderProps {
  readonly row: CodeRow;
  readonly onEnrol: () => void;
  readonly onConfirm: () => void;
  readonly onRemove: () => void;
  /** The enrolment that is under way for this one. */
  readonly children: ReactNode;
}

/** One who may decide with codes, and what can be done about those. */
export function CodeHolderRow({ row, onEnrol, onConfirm, onRemove, children }: CodeHolderProps) {
  const { controller } = useApp();
  const [asked, setAsked] = useState(false);
  const name = nameOf(row);
  const now = controller.api.serverNow();
  return (
    <li className="holder">
      <div>
        <p>
          <code>{name}</code>
        </p>
        <p className="quiet">{standing(row, now)}</p>
      </div>
      {row.listed && !row.codes?.confirmed && (
        <button type="button" aria-label={row.codes ? `Start again with codes for ${name}` : `Set up codes for ${name}`} onClick={onEnrol}>
          {row.codes ? 'Start again' : 'Set up'}
        </button>
      )}
      {row.listed && isWaiting(row, now) && !children && (
        <button type="button" className="plain" aria-label={`Confirm codes of ${name}`} onClick={onConfirm}>
          Confirm
        </button>
      )}
      {row.codes &&
        (asked ? (
          <span className="row">
            <button type="button" onClick={() => {
              setAsked(false);
              onRemove();
            }}>
              Remove for good
            </button>
            <button type="button" className="plain" onClick={() => setAsked(false)}>
              Keep
            </button>
          </span>
        ) : (
          <button type="button" className="plain" aria-label={`Remove codes of ${name}`} onClick={() => setAsked(true)}>
            Remove…
          </button>
        ))}
      {children}
    </li>
  );
}
