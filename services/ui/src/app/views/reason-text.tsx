import { revealed } from '../text/invisible.ts';

/** A reason of the interlock: what stands between backticks is code, and nothing in it hides. */
export function ReasonText({ text }: { text: string }) {
  return revealed(text).split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
