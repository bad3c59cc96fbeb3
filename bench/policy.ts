import { cpus, loadavg } from 'node:os';
import { compilePolicy, judge } from '@megabot/interlock/policy/decide.ts';
import { hostileLines, ordinaryLines, ordinaryPolicy } from './policy-lines.ts';

/**
 * `node bench/policy.ts`: ten thousand decisions on ordinary command lines under a policy of 200 patterns, on one core, and the time
 * that hostile lines of 60 kB take. Times are of the process itself as well: other work on the machine makes only the others longer.
 */
const decisions = 10_000;
const rounds = 5;
const policy = compilePolicy(ordinaryPolicy());
const lines = ordinaryLines(decisions);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const cpuMs = (since: NodeJS.CpuUsage): number => process.cpuUsage(since).user / 1_000;
const at = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
const microseconds = (milliseconds: number): string => `${Math.round(milliseconds * 1_000)} µs`;

for (const line of lines.slice(0, 2_000)) judge(line, policy);

print(`${cpus()[0]?.model ?? 'unknown processor'}, Node.js ${process.versions.node}, load average ${loadavg()[0]?.toFixed(1)}, ${ordinaryPolicy().allow.length + ordinaryPolicy().deny.length} patterns\n`);
print('| round | decisions a second | a second of its own processor time | median | p95 | p99 | longest |');
print('| --- | --- | --- | --- | --- | --- | --- |');
const verdicts = { allow: 0, ask: 0, deny: 0 };
for (let round = 1; round <= rounds; round++) {
  const taken: number[] = [];
  const usage = process.cpuUsage();
  const started = performance.now();
  for (const line of lines) {
    const began = performance.now();
    const { decision } = judge(line, policy);
    taken.push(performance.now() - began);
    verdicts[decision] += 1;
  }
  const wall = performance.now() - started;
  const own = cpuMs(usage);
  taken.sort((one, other) => one - other);
  print(`| ${round} | ${Math.round((decisions / wall) * 1_000)} | ${Math.round((decisions / own) * 1_000)} | ${microseconds(at(taken, 0.5))} | ${microseconds(at(taken, 0.95))} | ${microseconds(at(taken, 0.99))} | ${microseconds(at(taken, 1))} |`);
}
print(`\nVerdicts: ${Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${Math.round(count / rounds)}`).join(', ')} of ${decisions}.\n`);

print('| 60 kB of | verdict | best of 5 | worst of 5 | own processor time, median |');
print('| --- | --- | --- | --- | --- |');
for (const [name, line] of Object.entries(hostileLines)) {
  const taken: number[] = [];
  const own: number[] = [];
  let verdict = '';
  for (let round = 0; round < 5; round++) {
    const usage = process.cpuUsage();
    const began = performance.now();
    verdict = judge(line, policy).decision;
    taken.push(performance.now() - began);
    own.push(cpuMs(usage));
  }
  own.sort((one, other) => one - other);
  if (verdict === 'allow') process.exitCode = 1;
  print(`| ${name} | ${verdict} | ${Math.min(...taken).toFixed(1)} ms | ${Math.max(...taken).toFixed(1)} ms | ${at(own, 0.5).toFixed(1)} ms |`);
}
