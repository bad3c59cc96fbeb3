import { useState } from 'react';
import { cutForReading, quoted } from '../text/quoted.ts';

/** Somebody else's words: read, never obeyed. A long text is cut at first, and says how much more there is. */
export function Quote({ text, label }: { text: string; label: string }) {
  const [all, setAll] = useState(false);
  const shown = quoted(text);
  const end = cutForReading(shown);
  return (
    <div className="quote">
      <blockquote dir="auto" aria-label={label}>
        {end === null || all ? shown : `${shown.slice(0, end)} …`}
      </blockquote>
      {end !== null && (
        <button type="button" className="plain show-rest" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show less' : `Show all ${shown.length.toLocaleString('en')} characters`}
        </button>
      )}
    </div>
  );
}
