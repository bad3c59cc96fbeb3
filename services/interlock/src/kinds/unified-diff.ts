import { createTwoFilesPatch } from 'diff';
import { shortened } from '../reply-size.ts';

/** A file on one side of a change: its text, `null` where there is none, or its size where it is no text that can be shown. */
export type DiffSide = string | null | { readonly bytes: number };

/** More differences than this take long to find and longer to read: the file is then shown as replaced. */
const maxEdits = 4_000;
/** What is shown to a person has to fit into a message to every client. */
const maxDiffBytes = 512 * 1024;

/** The change of one file as git would show it, three lines of context around each difference. */
export function fileDiff(path: string, before: DiffSide, after: DiffSide): string {
  const names = [before === null ? '/dev/null' : `a/${path}`, after === null ? '/dev/null' : `b/${path}`] as const;
  if (isOpaque(before) || isOpaque(after)) return `--- ${names[0]}\n+++ ${names[1]}\nNo text: ${sizeOf(before)} before, ${sizeOf(after)} after.\n`;
  const patch = createTwoFilesPatch(names[0], names[1], before ?? '', after ?? '', undefined, undefined, { context: 3, maxEditLength: maxEdits });
  return (patch ?? replacedWhole(names, before ?? '', after ?? '')).replace(/^=+\n/, '');
}

/** Several changes, one after the other; what is too long for a message is shortened in its middle, and says so. */
export const joinDiffs = (diffs: readonly string[]): string => shortened(diffs.join(''), maxDiffBytes);

const isOpaque = (side: DiffSide): side is { readonly bytes: number } => typeof side === 'object' && side !== null;
const sizeOf = (side: DiffSide): string => (side === null ? 'no file' : `${isOpaque(side) ? side.bytes : Buffer.byteLength(side)} bytes`);

function replacedWhole([from, to]: readonly [string, string], before: string, after: string): string {
  const [gone, come] = [linesOf(before), linesOf(after)];
  const side = (sign: string, lines: readonly string[]): string => lines.map((line) => `${sign}${line}\n`).join('');
  return `--- ${from}\n+++ ${to}\n@@ -1,${gone.length} +1,${come.length} @@\n${side('-', gone)}${side('+', come)}`;
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
