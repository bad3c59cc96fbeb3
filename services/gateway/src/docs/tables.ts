import { errorTable } from '../error-table.ts';
import { commandTable, type Person } from '../commands/table.ts';
import { handshakeVector } from './vector.ts';

/** Parts of docs/protocol.md that are written from the code, between `<!-- generated:name -->` and `<!-- end:name -->`. */
export const generatedParts = {
  'close-codes': closeCodes,
  errors: errors,
  commands: commands,
  vector: handshakeVector,
} as const satisfies Record<string, () => string | Promise<string>>;

function closeCodes(): string {
  const byClose = new Map<number, string[]>();
  for (const [code, entry] of Object.entries(errorTable)) if (entry.close !== null) byClose.set(entry.close, [...(byClose.get(entry.close) ?? []), code]);
  const rows = [...byClose].sort(([a], [b]) => a - b).map(([close, codes]) => `| ${close} | ${codes.map((code) => `\`${code}\``).join(', ')} |`);
  return ['| Close code | Error codes |', '|---|---|', ...rows].join('\n');
}

function errors(): string {
  const rows = Object.entries(errorTable).map(([code, { status, close, title, hint }]) => `| \`${code}\` | ${status} | ${close ?? ''} | ${title} | ${hint} |`);
  return ['| Code | HTTP | Close | Meaning | What to do |', '|---|---|---|---|---|', ...rows].join('\n');
}

function commands(): string {
  const who: Readonly<Record<Person, string>> = { owner: 'owner', paired: 'paired devices', bridge: 'messengers' };
  const rows = commandTable.map(({ usage, aliases, help, may }) => `| \`${usage.replaceAll('|', '\\|')}\` | ${aliases.map((alias) => `\`!${alias}\``).join(', ')} | ${may.map((person) => who[person]).join(', ')} | ${help} |`);
  return ['| Command | Also | Who may | What it does |', '|---|---|---|---|', ...rows].join('\n');
}

/** The document with its generated parts written anew. @throws where a part's markers are missing. */
export async function withGeneratedParts(document: string): Promise<string> {
  let text = document;
  for (const [name, make] of Object.entries(generatedParts)) {
    const pattern = new RegExp(`(<!-- generated:${name} -->\n)[\\s\\S]*?(\n<!-- end:${name} -->)`);
    if (!pattern.test(text)) throw new Error(`the markers of ${name} are missing`);
    const content = await make();
    text = text.replace(pattern, (_all, start: string, end: string) => start + content + end);
  }
  return text;
}
