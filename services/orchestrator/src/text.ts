/** Text as it is shown or handed to the model: shortened from the middle, so that both ends remain. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = Math.ceil(limit * 0.6);
  const tail = limit - head;
  return `${text.slice(0, head)}\n… (${text.length - limit} characters left out) …\n${text.slice(text.length - tail)}`;
}

/** A fenced block whose fence is longer than any run of backticks inside. */
export function fenced(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}\n${text.replace(/\n+$/, '')}\n${fence}`;
}

/** Inline code on one line, at most 200 characters. */
export function inlineCode(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const short = line.length > 200 ? `${line.slice(0, 199)}…` : line;
  if (!short.includes('`')) return `\`${short}\``;
  const longest = Math.max(...[...short.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence} ${short} ${fence}`;
}
