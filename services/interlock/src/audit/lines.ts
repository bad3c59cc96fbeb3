import { AuditLine, type AuditVerification } from '@megabot/contracts/audit.ts';
import { createChainCheck, type CheckOptions } from './check.ts';

/**
 * Verifies an exported log from its lines alone: no database, no service, only the public key. Besides what is checked in the
 * database it must be whole: every line readable, and the last entry signed.
 */
export async function verifyLines(lines: AsyncIterable<string>, options: CheckOptions): Promise<AuditVerification> {
  const check = createChainCheck(options);
  let signed = 0;
  let ended: number | undefined;
  for await (const text of lines) {
    if (text.trim() === '') continue;
    const line = readLine(text);
    const next = check.seq + 1;
    if (!line) check.fail(next, 'A line cannot be read.');
    else if (ended !== undefined) check.fail(next, 'Something stands behind the end.');
    else if (line.type === 'end') ended = line.entries;
    else if (line.type === 'entry') check.entry(line);
    else if (check.head(line)) signed = line.seq;
  }
  if (ended === undefined) check.fail(check.seq + 1, 'The end of the export is missing.');
  else if (ended !== check.seq) check.fail(check.seq + 1, `The export says that it holds ${ended} entries.`);
  else if (signed !== check.seq) check.fail(check.seq, 'The last entry of the export is not signed: the end was cut off, or was never there.');
  return check.end();
}

function readLine(text: string): AuditLine | undefined {
  try {
    return AuditLine.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
