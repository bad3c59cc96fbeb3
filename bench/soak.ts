import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { soak, usageOf } from '@megabot/sandbox/driver/testing/soak.ts';
import { openBenchDriver } from './sandbox-driver.ts';

/**
 * `node bench/soak.ts`: 2,000 short runs with every kind of failure among them, and what this process and the engine hold before,
 * meanwhile and after. Flat figures are the result; `--runs 100` is the short mode.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '2000' }, 'at-once': { type: 'string', default: '4' } } });

const pool = { min: 2, max: 4 };
await using bench = await openBenchDriver(pool);
const options = { harness: bench, engine: bench.engine, project: bench.project, stateFolder: bench.stateFolder, atOnce: Number(values['at-once']) };
const row = async (label: string): Promise<void> => {
  // Twice, since the first collection may leave for the second what only finalizers held.
  for (let round = 0; round < 2; round++) globalThis.gc?.();
  const { residentBytes, heapBytes, openFiles, containers, notes } = await usageOf(options);
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  process.stdout.write(`| ${label} | ${mebibytes(residentBytes)} | ${mebibytes(heapBytes)} | ${openFiles} | ${containers} | ${notes} |\n`);
};

process.stdout.write('| after | resident | heap | open files | containers | notes of runs |\n| --- | --- | --- | --- | --- | --- |\n');
await soak({ ...options, runs: 32, forMs: 120_000 });
await delay(3_000);
await row('32 runs to warm up');
const started = performance.now();
const { done, wrong } = await soak({ ...options, runs: Number(values.runs), forMs: 4 * 3_600_000, onProgress: (count) => void (count % 500 === 0 && row(`${count} runs, others going on`)) });
const seconds = (performance.now() - started) / 1_000;
await delay(8_000);
await row(`${done} runs, at rest`);
process.stdout.write(`\n${done} runs in ${Math.round(seconds)} s, ${wrong.length} with another outcome than expected.\n${wrong.join('\n')}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
