import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy, judge } from './decide.ts';
import { findStarted, type Started } from './started.ts';
import { observe, stubs, type Observed } from './testing/bash-referee.ts';
import { labelledCases } from './testing/labelled-cases.ts';
import { ordinaryScript, randomScript } from './testing/random-scripts.ts';
import { readTree } from './tree-reader.ts';

const full = process.env['MEGABOT_TEST_COUNTS'] === 'full';
const randomScripts = full ? 2_000 : 600;
const policy = compilePolicy({ allow: [...stubs.filter((name) => name !== 'rm' && name !== 'shutdown' && name !== 'sudo'), 'git status'], deny: ['rm', 'shutdown'], matching: 'commands' });

/** Whether a command that the engine saw may be the one that bash started; what is only known at run time may be anything. */
function covers({ words, loose, via }: Started, argv: readonly string[]): boolean {
  const from = loose ? words.map((_, at) => at) : [0];
  return from.some((begin) => {
    const wanted = words.slice(begin);
    for (const [at, word] of wanted.entries()) {
      if (word.dynamic || word.glob || word.braces || word.text.includes('{}')) return true;
      if (word.text !== argv[at] && !(word.text.includes('$?') && anyStatus(word.text).test(argv[at] ?? ''))) return false;
    }
    return wanted.length === argv.length || via === 'xargs';
  });
}

/** `$?` is whatever the command before ended with. */
const anyStatus = (text: string): RegExp => new RegExp(`^${text.split('$?').map((part) => RegExp.escape(part)).join('\\d+')}$`, 's');

/** What bash did that the engine did not see, or did otherwise than it was allowed to, one line each. */
function faults(scripts: readonly string[], observed: readonly Observed[]): { found: string[]; compared: number; unclear: number } {
  const found: string[] = [];
  let compared = 0;
  let unclear = 0;
  for (const [index, script] of scripts.entries()) {
    const { started, opaque } = findStarted(readTree(script));
    // Text that the engine says it cannot see through is never allowed, and denied words are looked for anywhere in it.
    if (opaque.length > 0) {
      unclear += 1;
      continue;
    }
    for (const argv of observed[index]?.started ?? []) {
      compared += 1;
      if (!started.some((one) => covers(one, argv))) found.push(`${JSON.stringify(script)} started ${JSON.stringify(argv)}`);
    }
  }
  return { found, compared, unclear };
}

async function compare(scripts: readonly string[]): Promise<{ faults: string[]; compared: number; unclear: number; allowed: number }> {
  const observed = await observe(scripts);
  const { found, compared, unclear } = faults(scripts, observed);
  const allowed = scripts.flatMap((script, index) => {
    const judgement = judge(script, policy);
    return judgement.decision === 'allow' ? [{ script, canonical: judgement.canonicalScript ?? '', started: findStarted(readTree(script)).started, observed: observed[index]?.started ?? [] }] : [];
  });
  const rebuilt = await observe(allowed.map(({ canonical }) => canonical));
  for (const [index, { script, canonical, started, observed: first }] of allowed.entries()) {
    const second = rebuilt[index]?.started ?? [];
    const lines = (list: readonly (readonly string[])[]): string => JSON.stringify(list.map((argv) => argv.join('\0')).toSorted());
    if (lines(first) !== lines(second)) found.push(`${JSON.stringify(script)} started ${JSON.stringify(first)}, and rebuilt as ${JSON.stringify(canonical)} ${JSON.stringify(second)}`);
    for (const argv of first) {
      if (argv[0] === 'rm' || argv[0] === 'shutdown') found.push(`${JSON.stringify(script)} was allowed and started ${JSON.stringify(argv)}`);
      if (!started.some((one) => covers(one, argv))) found.push(`${JSON.stringify(script)} was allowed and started ${JSON.stringify(argv)}`);
    }
  }
  return { faults: found, compared, unclear, allowed: allowed.length };
}

test('what bash starts for the labelled cases is what the engine saw', async (context) => {
  const result = await compare([...new Set(labelledCases.map(({ command }) => command))].filter((command) => !command.includes('\0')));
  context.diagnostic(`${result.compared} programs started, ${result.allowed} scripts allowed and rebuilt, ${result.unclear} scripts unclear`);
  assert.deepEqual(result.faults, []);
  assert.ok(result.compared > 200 && result.allowed > 50);
});

test('what bash starts for random scripts is what the engine saw, and rebuilt scripts start the same', async (context) => {
  // The same scripts in every short run, so that what fails is what was changed; new ones where there is time to look into what they find.
  const seed = full ? Math.floor(Math.random() * 2 ** 31) : 20_261_126;
  context.diagnostic(`seed ${seed}`);
  const result = await compare([...fc.sample(randomScript, { numRuns: randomScripts / 2, seed }), ...fc.sample(ordinaryScript, { numRuns: randomScripts / 2, seed })]);
  context.diagnostic(`${randomScripts} scripts, ${result.compared} programs started, ${result.allowed} scripts allowed and rebuilt, ${result.unclear} scripts unclear`);
  assert.deepEqual(result.faults, [], `seed ${seed}`);
  assert.ok(result.compared > randomScripts / 4 && result.allowed > randomScripts / 10);
});
