import { useState } from 'react';
import { Oddities, RevealedText } from './revealed-text.tsx';

const longestLines = 30;
const longestCharacters = 3_000;

/** Where a long text is cut for the first look, or null where it is shown whole. */
export function cutAt(text: string): number | null {
  let at = -1;
  for (let line = 0; line < longestLines; line++) {
    at = text.indexOf('\n', at + 1);
    if (at === -1) break;
  }
  if (at === -1) return text.length > longestCharacters ? longestCharacters : null;
  return Math.min(at, longestCharacters);
}

interface CommandTextProps {
  readonly text: string;
  /** What it is, for those who hear the page. */
  readonly label?: string;
  /** Told once everything is in view; at once for most. */
  readonly onWhole?: () => void;
}

/** Exactly what would run. Whatever the eye could miss is spelled out, and a long one says how much is not shown yet. */
export function CommandText({ text, label = 'Exact command', onWhole }: CommandTextProps) {
  const [all, setAll] = useState(false);
  const cut = all ? null : cutAt(text);
  const lines = text.split('\n').length;
  return (
    <div className="command">
      {/* Kept left to right in the order of its characters, so that no letter can reorder what stands around it. */}
      <pre dir="ltr" tabIndex={0} aria-label={label}>
        <code>
          <RevealedText text={cut === null ? text : text.slice(0, cut)} />
        </code>
      </pre>
      {cut !== null && (
        <button
          type="button"
          className="show-all"
          onClick={() => {
            setAll(true);
            onWhole?.();
          }}
        >
          Show all: {lines.toLocaleString('en')} {lines === 1 ? 'line' : 'lines'}, {text.length.toLocaleString('en')} characters
        </button>
      )}
      <Oddities text={text} />
    </div>
  );
}
