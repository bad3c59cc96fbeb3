import { useState } from 'react';
import { cutForReading, quoted } from '../text/quoted.ts';

/** Somebody else's words: read, never obeyed. A long text is cut at first, and says how much more there is. */
export function Quote({ text, label }: { text: string; label: string }) {
  const [all, setAll] = useState(false);
  const shown = quoted(text);
  const cut = all ? null : cutForReading(shown);
  return (
    <div className="quote">
      <blockquote dir="auto" aria-label={label}>
        {cut === null ? shown : `${shown.slice(0, cut)} …`}
      </blockquote>
      {cut !== null && (
        <button type="button" className="plain show-rest" onClick={() => setAll(true)}>
          Show all {shown.length.toLocaleString('en')} characters
        </button>
      )}
    </div>
  );
}
