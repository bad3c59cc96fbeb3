import { useMemo, useState } from 'react';
import { diffWords, parseDiff, type DiffLine } from '../text/diff.ts';
import { Oddities, RevealedText } from './revealed-text.tsx';

const firstLook = 60;
const longestLine = 2_000;

/** Whether a diff is long enough to be cut for the first look. */
export const diffIsLong = (diff: string): boolean => diff.length > 12_000 || diff.split('\n').length > firstLook || diff.split('\n').some((line) => line.length > longestLine);

const signs: Readonly<Record<DiffLine['kind'], string>> = { file: '', hunk: '', added: '+', removed: '−', same: '', note: '' };
const spoken: Readonly<Record<DiffLine['kind'], string>> = { file: '', hunk: '', added: 'added: ', removed: 'removed: ', same: '', note: '' };

/** What would change in files, line by line. A long one says how much is not shown yet; `onWhole` is told once all of it is. */
export function DiffView({ diff, onWhole }: { diff: string; onWhole: () => void }) {
  const [all, setAll] = useState(() => !diffIsLong(diff));
  const lines = useMemo(() => parseDiff(diff), [diff]);
  const shown = all ? lines : lines.slice(0, firstLook);
  return (
    <div className="diff">
      <p className="quiet">What changes in the files: {diffWords(lines)}</p>
      <div className="diff-lines" role="group" aria-label="Changes" tabIndex={0} dir="ltr">
        {shown.map((line, index) => (
          <div key={index} className={`diff-line diff-${line.kind}`}>
            <span className="number" aria-hidden="true">{line.before ?? ''}</span>
            <span className="number" aria-hidden="true">{line.after ?? ''}</span>
            <span className="sign" aria-hidden="true">{signs[line.kind]}</span>
            <code>
              <span className="visually-hidden">{spoken[line.kind]}</span>
              <RevealedText text={all ? line.text : line.text.slice(0, longestLine)} />
            </code>
          </div>
        ))}
      </div>
      {!all && (
        <button type="button" className="show-all" onClick={() => {
          setAll(true);
          onWhole();
        }}>
          Show all changes: {lines.length.toLocaleString('en')} lines, {diff.length.toLocaleString('en')} characters
        </button>
      )}
      <Oddities text={diff} />
    </div>
  );
}
