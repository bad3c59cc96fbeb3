import type { OutputChunk, RunSpec } from './port.ts';
import { workspaceFolder } from './run-rules.ts';

/** No file that a command writes may be larger than 64 MiB; `ulimit` counts blocks of 512 bytes. What is in the workspace already may. */
const fileBlocks = (64 * 1024 * 1024) / 512;

/**
 * A shell that waits in the container for the one run it is there for, as the action's user. Everything of the run comes on its
 * standard input: one line of quoted words (working directory, whether a workspace follows, whether input follows, the
 * command), the workspace as counted pieces of a tar archive and the word `go`, then the command's own input. It reads no byte
 * more than it was told, since what follows belongs to the command.
 *
 * The shell stays as the command's parent, so that what the command leaves running is ended with it and does not hold the
 * output open. Its own words go nowhere: after a mark on each stream everything on it is the command's.
 */
export const launcherScript = [
  "newline='\n'",
  'IFS= read -r words || exit 125',
  'eval "set -- $words"',
  'cwd=$1 fill=$2 input=$3',
  'shift 3',
  'if [ "$fill" = yes ]; then',
  '  said=$(while IFS= read -r size && [ "$size" -gt 0 ]; do dd bs="$size" count=1 iflag=fullblock 2>/dev/null; done |',
  // Folders get their rights at the end: the archive's links come last, and one may belong into a folder that cannot be written.
  `    tar --extract --file=- --directory ${workspaceFolder} --preserve-permissions --delay-directory-restore --no-same-owner 2>&1) ||`,
  '    { printf %s "$said" >&2; exit 125; }',
  '  IFS= read -r go && [ "$go" = go ] || exit 125',
  'fi',
  '[ "$input" = yes ] || exec </dev/null',
  'printf +; printf + >&2',
  'cd -- "$cwd" 2>/dev/null || { printf "sandbox: the working directory does not exist: %s\\n" "$cwd" >&2; exit 126; }',
  'exec 3>&2 2>/dev/null',
  `(ulimit -f ${fileBlocks}; exec 2>&3 3>&-; exec "$@")`,
  'code=$?',
  'kill -9 -1',
  'exit "$code"',
].join('\n');

/** What `launcherScript` writes first to each stream, once the workspace is there and nothing but the command is left to do. */
const startMark = '+'.charCodeAt(0);

const pieceBytes = 1024 * 1024;

/**
 * Everything that the launcher of a run is told, in order.
 * @param workspace The stored workspace as a tar archive. Where it fails, `go` is never said and nothing was run.
 */
export async function* launchInput(spec: RunSpec, workspace: AsyncIterable<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const flag = (is: boolean): string => (is ? 'yes' : 'no');
  const words = [spec.cwd, flag(workspace !== null), flag(spec.stdin !== undefined), ...commandWords(spec)];
  yield Buffer.from(`${words.map(quoted).join(' ')}\n`);
  if (workspace) {
    for await (const piece of pieces(workspace)) {
      yield Buffer.from(`${piece.byteLength}\n`);
      yield piece;
    }
    yield Buffer.from('0\ngo\n');
  }
  if (spec.stdin !== undefined) yield Buffer.from(spec.stdin);
}

/** The command with its environment. `env` takes words with `=` for variables, so a command with such a name goes through a shell. */
function commandWords(spec: RunSpec): readonly string[] {
  const variables = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  const command = spec.argv[0]?.includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'sandbox', ...spec.argv] : spec.argv;
  return ['env', '--', ...variables, ...command];
}

/** A word as the shell reads it back unchanged, on one line. In single quotes nothing has a meaning but the quote itself. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`).replaceAll('\n', `'"$newline"'`)}'`;
}

/** The same bytes in pieces of at most a mebibyte, as few as possible. */
async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      const part = chunk.subarray(at, at + pieceBytes - size);
      held.push(part);
      size += part.byteLength;
      at += part.byteLength;
      if (size < pieceBytes) continue;
      yield Buffer.concat(held);
      held = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(held);
}

/** The launcher ended, or was cut off, before it said that the command starts. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError';
}

/**
 * Waits for the launcher's mark on either stream and returns what follows the marks: the command's output alone. The engine
 * carries the streams separately, so one may be ahead of the other. @throws NotStartedError
 */
export async function outputAfterMark(output: AsyncIterator<OutputChunk>): Promise<AsyncIterable<OutputChunk>> {
  const next = await output.next();
  if (next.done) throw new NotStartedError('the command could not be started');
  if (next.value.bytes[0] === startMark) return withoutMarks(next.value, output);
  const said = Buffer.from(next.value.bytes).toString().trim().slice(0, 200);
  throw new NotStartedError(`the command could not be started: ${said}`);
}

async function* withoutMarks(first: OutputChunk, rest: AsyncIterator<OutputChunk>): AsyncGenerator<OutputChunk> {
  const marked = new Set<OutputChunk['stream']>();
  for (let next: IteratorResult<OutputChunk> = { value: first }; !next.done; next = await rest.next()) {
    const { stream, bytes } = next.value;
    if (marked.has(stream)) yield next.value;
    else {
      marked.add(stream);
      if (bytes.byteLength > 1) yield { stream, bytes: bytes.subarray(1) };
    }
  }
}
