import { cpus, loadavg, release, totalmem } from 'node:os';
import type { AnswerTimes, CommandTimes } from './chat.ts';
import { dockerRun } from './measure-commands.ts';
import type { StartTimes } from './measure-start.ts';
import type { ProcessEntry } from './processes.ts';
import { summarize, type Summary } from './statistics.ts';

/** Names of the targets, as every table has them. */
export const names = { stack: 'stack', standalone: 'standalone', openClaw: 'OpenClaw', model: 'model alone' } as const;

export interface Results {
  starts: Partial<StartTimes>;
  answers: ReadonlyMap<string, readonly AnswerTimes[]>;
  /** Milliseconds. */
  modelAlone: readonly number[];
  commands: ReadonlyMap<string, readonly CommandTimes[]>;
  stackMemory: { services: ReadonlyMap<string, number>; sandboxes: number } | undefined;
  standaloneProcesses: readonly ProcessEntry[];
  openClawProcesses: readonly ProcessEntry[];
  /** Why a target has no figures. */
  absent: ReadonlyMap<string, string>;
}

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const seconds = (value: number): string => `${(value / 1_000).toFixed(1)} s`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const times = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ×`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

type Spread = readonly [median: string, p95: string, range: string, count: string];
const spread = (summary: Summary, unit: (value: number) => string): Spread => [unit(summary.median), unit(summary.p95), `${unit(summary.min)} to ${unit(summary.max)}`, String(summary.count)];
const absentRow = (label: string, columns: number, why: string): string[] => [label, why, ...Array.from({ length: columns - 2 }, () => '')];

/** The whole report, in Markdown. `when` is an ISO date. */
export function renderReport(results: Results, context: { when: string; engine: string; loadBefore: number }): string {
  return [
    `Measured ${context.when} on ${cpus().length} × ${cpus()[0]?.model ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node.js ${process.versions.node}, ${context.engine}. Load average of the minute before: ${context.loadBefore.toFixed(1)}; of the last minute: ${loadavg()[0]?.toFixed(1)}.`,
    '### Message to answer, instant model, encrypted native socket',
    answersTable(results),
    '### From the command to ready',
    startsTable(results),
    '### Idle memory, 30 s after the last answer',
    memoryTables(results),
    '### From the approval to the output of `echo`',
    commandsTable(results),
  ].join('\n\n');
}

function answersTable({ answers, modelAlone, absent }: Results): string {
  const peer = answers.get(names.openClaw);
  const peerMedian = (pick: (taken: AnswerTimes) => number): number | undefined => (peer && peer.length > 0 ? summarize(peer.map(pick)).median : undefined);
  const rows: string[][] = [];
  for (const [what, pick] of [['message → accepted', (taken: AnswerTimes) => taken.acceptedMs], ['message → final answer', (taken: AnswerTimes) => taken.finalMs]] as const) {
    const peerIs = peerMedian(pick);
    for (const name of [names.stack, names.standalone, names.openClaw]) {
      const taken = answers.get(name);
      if (!taken || taken.length === 0) rows.push(absentRow(`${what}, ${name}`, 6, absent.get(name) ?? 'not measured'));
      else {
        const summary = summarize(taken.map(pick));
        rows.push([`${what}, ${name}`, ...spread(summary, milliseconds), peerIs === undefined ? '' : name === names.openClaw ? '1' : times(peerIs / summary.median)]);
      }
    }
  }
  if (modelAlone.length > 0) rows.push(['the model asked directly (floor)', ...spread(summarize(modelAlone), milliseconds), '']);
  return table(['', 'median', 'p95', 'min to max', 'n', 'faster than OpenClaw'], rows);
}

function startsTable({ starts, absent }: Results): string {
  const row = (label: string, taken: readonly number[] | undefined, name: string): string[] =>
    taken && taken.length > 0 ? [label, ...spread(summarize(taken), seconds)] : absentRow(label, 5, absent.get(name) ?? 'not measured');
  return table(['', 'median', 'p95', 'min to max', 'n'], [
    row('`make up`, stack, volumes present', starts.stackWarm, names.stack),
    row('of which until the gateway answers `/readyz`', starts.stackReadyz, names.stack),
    row('`make up`, stack, new volumes and keys', starts.stackCold, names.stack),
    row('`make up`, standalone, data present', starts.standaloneWarm, names.standalone),
    row('`make up`, standalone, new data', starts.standaloneCold, names.standalone),
    row('OpenClaw', starts.openClaw, names.openClaw),
  ]);
}

function memoryTables({ stackMemory, standaloneProcesses, openClawProcesses, absent }: Results): string {
  const resident = (processes: readonly ProcessEntry[]): number => processes.reduce((total, entry) => total + entry.residentBytes, 0);
  const proportional = (processes: readonly ProcessEntry[]): number => processes.reduce((total, entry) => total + entry.proportionalBytes, 0);
  const peer = proportional(openClawProcesses);
  const share = (bytes: number): string => (peer === 0 ? '' : (bytes / peer).toFixed(2));
  const treeRow = (label: string, processes: readonly ProcessEntry[], name: string): string[] =>
    processes.length === 0
      ? absentRow(label, 5, absent.get(name) ?? 'not measured')
      : [label, String(processes.length), megabytes(resident(processes)), megabytes(proportional(processes)), share(proportional(processes))];
  const stack = stackMemory && [...stackMemory.services.values()].reduce((total, bytes) => total + bytes, 0);
  const whole = table(['', 'containers or processes', 'resident', 'shared pages counted once', 'share of OpenClaw’s'], [
    stackMemory && stack !== undefined
      ? ['stack, all services', String(stackMemory.services.size), '', megabytes(stack), share(stack)]
      : absentRow('stack, all services', 5, absent.get(names.stack) ?? 'not measured'),
    treeRow('standalone, process tree', standaloneProcesses, names.standalone),
    treeRow('OpenClaw, process tree', openClawProcesses, names.openClaw),
  ]);
  if (!stackMemory) return whole;
  const services = [...stackMemory.services].toSorted(([, a], [, b]) => b - a).map(([name, bytes]) => [name, megabytes(bytes)]);
  return [whole, 'Of the stack:', table(['service', 'memory'], [...services, ['idle sandboxes (not in the sum)', megabytes(stackMemory.sandboxes)]])].join('\n\n');
}

function commandsTable({ commands, absent }: Results): string {
  const floor = commands.get(dockerRun);
  const rows: string[][] = [];
  for (const [what, pick] of [['first output', (taken: CommandTimes) => taken.firstOutputMs], ['final result', (taken: CommandTimes) => taken.finalMs]] as const) {
    const floorIs = floor && floor.length > 0 ? summarize(floor.map(pick)).median : undefined;
    for (const name of [names.stack, names.standalone, dockerRun]) {
      const taken = commands.get(name);
      const label = `approved → ${what}, ${name}`;
      if (!taken || taken.length === 0) rows.push(absentRow(label, 6, absent.get(name) ?? 'not measured'));
      else {
        const summary = summarize(taken.map(pick));
        rows.push([name === dockerRun ? `${dockerRun} → ${what}` : label, ...spread(summary, milliseconds), floorIs === undefined ? '' : times(summary.median / floorIs)]);
      }
    }
  }
  return table(['', 'median', 'p95', 'min to max', 'n', 'of `docker run`'], rows);
}
