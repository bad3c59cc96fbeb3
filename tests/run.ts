import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * Runs the tests kind by kind, and says at the end which ran and which could not, and why. Unit tests need nothing.
 * `--long` asks for full counts (MEGABOT_TEST_COUNTS=full); `--only <kind>` runs one kind.
 */
const { values } = parseArgs({ options: { long: { type: 'boolean', default: false }, only: { type: 'string' } } });
const environment = {
  ...process.env,
  MEGABOT_TEST_COUNTS: values.long ? 'full' : 'reduced',
  // Each test file is a process, and most of them load the same sources.
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/node-compile/', import.meta.url)),
};
// A test ends before the optimised code of the embedded database would pay for its compilation.
const nodeOptions = ['--disable-warning=ExperimentalWarning', '--liftoff-only'];

const succeeds = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const engine = { name: 'a Docker engine', here: succeeds('docker', 'info') };
const python = { name: "Python with Debian's python3-websockets and python3-cryptography", here: succeeds('/usr/bin/python3', '-c', 'import websockets, cryptography') };
const openclaw = {
  name: 'real OpenClaw gateway (MEGABOT_TEST_OPENCLAW_URL, MEGABOT_TEST_OPENCLAW_TOKEN and MEGABOT_TEST_TELEGRAM_URL say where it is)',
  here: ['MEGABOT_TEST_OPENCLAW_URL', 'MEGABOT_TEST_OPENCLAW_TOKEN', 'MEGABOT_TEST_TELEGRAM_URL'].every((name) => (process.env[name] ?? '') !== ''),
};
const openclawRestart = {
  name: 'a command that restarts it (MEGABOT_TEST_OPENCLAW_RESTART)',
  here: (process.env['MEGABOT_TEST_OPENCLAW_RESTART'] ?? '') !== '',
};
const openclawOnPort = { name: 'OpenClaw on the port that the relay passes on (MEGABOT_TEST_OPENCLAW_URL=ws://127.0.0.1:18789)', here: (process.env['MEGABOT_TEST_OPENCLAW_URL'] ?? '').includes('127.0.0.1:18789') };
const chromium = { name: "Debian's chromium", here: succeeds('/usr/bin/chromium', '--version') };

interface Kind {
  readonly name: string;
  readonly needs: readonly { readonly name: string; readonly here: boolean }[];
  readonly concurrency: number;
  /** A file ends with its last test, whatever is still open. */
  readonly forceExit?: boolean;
  /** Of one file. */
  readonly timeoutMs: number;
  readonly globs: readonly string[];
}
const kinds: readonly Kind[] = [
  { name: 'unit', needs: [], concurrency: 2, timeoutMs: 180_000, globs: ['{libs,services,infra}/*/src/**/!(*.it).test.ts', 'tests/repo/*.test.ts'] },
  { name: 'interop', needs: [python], concurrency: 2, timeoutMs: 180_000, globs: ['libs/crypto/src/*.it.test.ts', 'services/gateway/src/**/!(openclaw).it.test.ts'] },
  { name: 'openclaw', needs: [openclaw], concurrency: 1, timeoutMs: 300_000, globs: ['services/gateway/src/channels/openclaw/openclaw.it.test.ts'] },
  { name: 'browser', needs: [chromium], concurrency: 2, timeoutMs: 300_000, globs: ['services/ui/src/**/*.it.test.ts'] },
  {
    name: 'integration',
    needs: [engine],
    // They wait for containers most of the time, each for those of its own.
    concurrency: 2,
    // Docker 20.10 was seen to leave a request about a removed container unanswered for five minutes, which held a file that long.
    forceExit: true,
    timeoutMs: 400_000,
    globs: ['{libs/bus,libs/postgres,services/egress,services/memory,services/interlock,services/sandbox,infra/init}/src/**/!(probes|probes-warm).it.test.ts', 'tests/e2e/*.it.test.ts'],
  },
  // Alone, since some watch how much of the machine a run gets.
  { name: 'probes', needs: [engine], concurrency: 1, timeoutMs: 400_000, globs: ['services/sandbox/src/driver/{probes,probes-warm}.it.test.ts'] },
  // The stack, and beside it what shares nothing with it.
  { name: 'e2e', needs: [engine], concurrency: 2, timeoutMs: 1_800_000, globs: ['tests/e2e/*.e2e.test.ts'] },
  { name: 'openclaw-restarts', needs: [engine, openclaw, openclawOnPort, openclawRestart], concurrency: 1, timeoutMs: values.long ? 5_400_000 : 1_200_000, globs: ['tests/e2e/*.openclaw.test.ts'] },
];

const outcomes: string[] = [];
let failed = false;
let built = false;
for (const kind of kinds) {
  if (values.only !== undefined && values.only !== kind.name) continue;
  const missing = kind.needs.filter(({ here }) => !here).map(({ name }) => name);
  if (missing.length > 0) {
    outcomes.push(`${kind.name}: did not run, since this machine has no ${missing.join(' and no ')}`);
    continue;
  }
  process.stdout.write(`\n== ${kind.name} tests (${environment.MEGABOT_TEST_COUNTS} counts)\n`);
  const started = performance.now();
  if (kind.needs.includes(engine) && !built) {
    built = spawnSync('infra/host/build.sh', { stdio: 'inherit' }).status === 0;
    if (!built) process.exit(1);
  }
  const { status } = spawnSync(
    process.execPath,
    [...nodeOptions, '--test', ...(kind.forceExit === true ? ['--test-force-exit'] : []), '--test-reporter=spec', `--test-concurrency=${kind.concurrency}`, `--test-timeout=${kind.timeoutMs}`, ...kind.globs],
    { stdio: 'inherit', env: environment },
  );
  outcomes.push(`${kind.name}: ${status === 0 ? 'passed' : 'FAILED'} in ${Math.round((performance.now() - started) / 1_000)} s`);
  failed ||= status !== 0;
}
process.stdout.write(`\n${outcomes.join('\n')}\n`);
process.exit(failed ? 1 : 0);
