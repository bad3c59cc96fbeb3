import { useState } from 'react';
import { Icon } from './icons.tsx';

/** Copies exactly `text`; says that it did. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  // Plain http beyond localhost has no clipboard; the text can still be selected.
  if (!('clipboard' in navigator)) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    setDone(true);
    setTimeout(() => setDone(false), 1_500);
  };
  return (
    <button type="button" className="copy" onClick={() => void copy()} aria-label={done ? 'Copied' : `Copy ${what}`}>
      <Icon name={done ? 'check' : 'copy'} size={13} />
      <span aria-live="polite">{done ? 'Copied' : ''}</span>
    </button>
  );
}
