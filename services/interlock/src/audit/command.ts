import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { auditEndLine, AuditHead, auditLines, type AuditVerification } from '@megabot/contracts/audit.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { Witness } from './check.ts';
import { readHeads, readRecords } from './read.ts';
import { verifyLines } from './lines.ts';
import { verifyAudit } from './verify.ts';

export const usage = `usage: megabot audit verify [--heads LOG]
       megabot audit verify --file EXPORT --public-key KEY-OR-FILE [--public-key …] [--heads LOG]
       megabot audit export

verify   checks the log from its beginning and says where it breaks first; ends with 1 if it does
export   writes the log as JSON lines, signed to its end
--file   an export instead of the database ("-" for standard input)
--public-key  the key that the end is signed with; behind it, once more each, those before it
--heads  lines of the interlock's own log ("-" for standard input): what they show to be signed must be there
`;

export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Opens the log of a running MegaBot; only where it is needed. */
  open(): Promise<AsyncDisposable & { readonly db: Sql; readonly publicKeys: readonly string[]; sign(): Promise<number> }>;
}

/** `megabot audit …`. Resolves to the exit code: 0 well, 1 the log does not verify, 2 it was not understood. */
export async function auditCommand(argv: readonly string[], around: Surroundings): Promise<number> {
  const wanted = readArguments(argv);
  if (!wanted) {
    around.stderr.write(usage);
    return 2;
  }
  if (wanted.what === 'export') {
    await using log = await around.open();
    await pipeline(exportLines(log.db, await log.sign()), around.stdout, { end: false });
    return 0;
  }
  const witnesses = wanted.heads === undefined ? [] : await readWitnesses(linesFrom(wanted.heads, around));
  const found = wanted.file === undefined ? await verifyHere(around, witnesses) : await verifyLines(linesFrom(wanted.file, around), { publicKeys: await readKeys(wanted.keys), witnesses });
  around.stdout.write(said(found, witnesses.length));
  return found.ok ? 0 : 1;
}

interface Wanted {
  readonly what: 'verify' | 'export';
  readonly file: string | undefined;
  readonly keys: readonly string[];
  readonly heads: string | undefined;
}

function readArguments(argv: readonly string[]): Wanted | undefined {
  try {
    const options = { file: { type: 'string' }, 'public-key': { type: 'string', multiple: true }, heads: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: withValues(argv, Object.keys(options)), options, allowPositionals: true });
    const [topic, what, ...more] = positionals;
    const keys = values['public-key'] ?? [];
    if (topic !== 'audit' || (what !== 'verify' && what !== 'export') || more.length > 0) return undefined;
    if (what === 'export' && (values.file !== undefined || keys.length > 0 || values.heads !== undefined)) return undefined;
    // An export that is checked with the key that it brings along itself would prove nothing.
    if ((values.file === undefined) !== (keys.length === 0)) return undefined;
    if (values.file === '-' && values.heads === '-') return undefined;
    return { what, file: values.file, keys, heads: values.heads };
  } catch {
    return undefined;
  }
}

/** Options joined with what follows them: one key in sixty-four begins with a hyphen, and would be taken for an option itself. */
function withValues(argv: readonly string[], options: readonly string[]): string[] {
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    const value = argv[index + 1];
    if (value !== undefined && options.some((name) => argument === `--${name}`)) {
      joined.push(`${argument}=${value}`);
      index += 1;
    } else joined.push(argument);
  }
  return joined;
}

async function verifyHere(around: Surroundings, witnesses: readonly Witness[]): Promise<AuditVerification> {
  await using log = await around.open();
  return await verifyAudit(log.db, { publicKeys: log.publicKeys, witnesses });
}

/** The whole log up to `through`, page by page, whatever its length. */
export async function* exportLines(db: Sql, through: number): AsyncGenerator<string> {
  for (let after = 0; after < through; ) {
    const entries = await readRecords(db, { after, through, limit: 100 });
    const last = entries.at(-1);
    if (!last) throw new Error('the audit log has a gap; verify says where');
    yield auditLines(entries, await readHeads(db, { after, through: last.seq }));
    after = last.seq;
  }
  yield auditEndLine(through);
}

/** Opened only when the first line is asked for: what comes before anybody listens is lost. */
async function* linesFrom(name: string, { stdin }: Surroundings): AsyncGenerator<string> {
  yield* createInterface({ input: name === '-' ? stdin : createReadStream(name), crlfDelay: Infinity });
}

/** Keys as they stand in `secrets/permit_public`, or the names of such files and of `secrets/permit_earlier`, which holds one a line. */
async function readKeys(names: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(names.map(async (name) => (/^[A-Za-z0-9_-]{43}$/.test(name) ? name : await readFile(name, 'utf8'))));
  return texts.flatMap((text) => text.split(/\s+/).filter((key) => key !== ''));
}

const LoggedHead = z.object({ msg: z.literal('audit head signed'), seq: AuditHead.shape.seq, hash: z.string(), at: AuditHead.shape.at, headSignature: z.string(), publicKeyId: z.string() });

/** The signed heads among lines of a log; everything else in it is passed over. */
export async function readWitnesses(lines: AsyncIterable<string>): Promise<Witness[]> {
  const witnesses: Witness[] = [];
  for await (const line of lines) {
    if (!line.includes('audit head signed')) continue;
    const parsed = LoggedHead.safeParse(jsonIn(line));
    if (!parsed.success) continue;
    const { seq, hash, at, headSignature: signature, publicKeyId } = parsed.data;
    witnesses.push({ seq, hash, at, signature, publicKeyId });
  }
  return witnesses;
}

/** Engines may put the service's name before the object. */
function jsonIn(line: string): unknown {
  try {
    return JSON.parse(line.slice(line.indexOf('{')));
  } catch {
    return undefined;
  }
}

function said({ ok, entries, firstBreak, signedTo }: AuditVerification, witnesses: number): string {
  const signed = signedTo ? `signed up to entry ${signedTo.seq} (${new Date(signedTo.at).toISOString()})` : 'not signed yet';
  const compared = witnesses === 0 ? '' : `, ${witnesses} signed heads of the log compared`;
  if (ok) return `The audit log is whole: ${entries} entries, ${signed}${compared}.\n`;
  return `The audit log breaks at entry ${firstBreak?.seq}: ${firstBreak?.problem}\nBefore it ${entries} entries verify, ${signed}.\n`;
}
