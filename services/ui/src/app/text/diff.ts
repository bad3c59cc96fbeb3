/** One line of a unified diff, with its numbers in the old and the new file where it has any. */
export interface DiffLine {
  readonly kind: 'file' | 'hunk' | 'added' | 'removed' | 'same' | 'note';
  readonly text: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** Reads a unified diff as `diff -u` and git write it. What it does not know stays a note: nothing is left out. */
export function parseDiff(diff: string): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 0;
  let after = 0;
  // Within a hunk as many lines are still to come as its header says; a line of a file may look like a header.
  let removedLeft = 0;
  let addedLeft = 0;
  for (const text of diff.replace(/\n$/, '').split('\n')) {
    const inHunk = removedLeft > 0 || addedLeft > 0;
    const hunk = inHunk ? null : /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[3]);
      removedLeft = Number(hunk[2] ?? 1);
      addedLeft = Number(hunk[4] ?? 1);
      lines.push({ kind: 'hunk', text, before: null, after: null });
    } else if (inHunk && text.startsWith('+')) {
      addedLeft -= 1;
      lines.push({ kind: 'added', text: text.slice(1), before: null, after: after++ });
    } else if (inHunk && text.startsWith('-')) {
      removedLeft -= 1;
      lines.push({ kind: 'removed', text: text.slice(1), before: before++, after: null });
    } else if (inHunk && (text.startsWith(' ') || text === '')) {
      removedLeft -= 1;
      addedLeft -= 1;
      lines.push({ kind: 'same', text: text.slice(1), before: before++, after: after++ });
    } else lines.push({ kind: !inHunk && /^(?:---|\+\+\+|diff )/.test(text) ? 'file' : 'note', text, before: null, after: null });
  }
  return lines;
}

/** How much is added and removed, in words. */
export function diffWords(lines: readonly DiffLine[]): string {
  const count = (kind: DiffLine['kind']): number => lines.filter((line) => line.kind === kind).length;
  return `${count('added')} added, ${count('removed')} removed`;
}
