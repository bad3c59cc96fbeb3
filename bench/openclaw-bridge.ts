import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import { startModel } from './model.ts';
import { listProcesses, processTree, type ProcessEntry } from './processes.ts';
import { createStandalone } from './standalone.ts';
import { summarize } from './statistics.ts';

/**
 * From a person's message on Telegram to the reply, through MegaBot behind OpenClaw and through OpenClaw's own agent, in turn in
 * one run: two people write to the same bot, and `session.sendPolicy` leaves OpenClaw's agent the one of them alone. It needs a
 * real OpenClaw with its Telegram channel against a scripted Bot API (the variables of its tests), and in
 * MEGABOT_BENCH_OPENCLAW_CONFIG its `openclaw.json`, which is changed while this runs.
 */
const { values } = parseArgs({ options: { messages: { type: 'string', default: '30' } } });
const needed = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`set ${name}`);
  return value;
};
const [url, token, telegram, configFile] = [
  needed('MEGABOT_TEST_OPENCLAW_URL'), needed('MEGABOT_TEST_OPENCLAW_TOKEN'), needed('MEGABOT_TEST_TELEGRAM_URL'), needed('MEGABOT_BENCH_OPENCLAW_CONFIG'),
];
const rounds = Number(values.messages);
const warmUp = 3;
const modelPort = 28_190;
const person = Math.floor(Date.now() / 100) % 1_000_000_000;
const [ours, theirs] = [String(person), String(person + 1)];

const answerTo = async (from: string): Promise<number> => {
  const word = uniqueWord();
  const started = performance.now();
  await fetch(`${telegram}/_inject?${new URLSearchParams({ text: word, from, name: `P${from}` }).toString()}`);
  while (performance.now() - started < 180_000) {
    const log = (await (await fetch(`${telegram}/_log`)).json()) as { method: string; p: string }[];
    if (log.some(({ method, p }) => method.startsWith('send') && p.includes(from) && answers(p, from, word))) return performance.now() - started;
    await delay(20);
  }
  throw new Error(`no reply to ${from === ours ? 'MegaBot’s person' : 'the person of OpenClaw’s agent'}`);
};

/** What OpenClaw's model says is not ours to script: any text of it counts, but not the one refusal that MegaBot sends there. */
const answers = (sent: string, from: string, word: string): boolean => (from === ours ? sent.includes(word) : sent.includes('"text"') && !sent.includes('private assistant'));

const milliseconds = (value: number): string => `${Math.round(value)} ms`;
const megabytes = (entries: readonly ProcessEntry[]): string => `${Math.round(entries.reduce((sum, entry) => sum + entry.proportionalBytes, 0) / 1e6)} MB`;

const before = await readFile(configFile, 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'megabot-bench-bridge-'));
const signal = AbortSignal.timeout(1_800_000);
await using model = await startModel({ host: '127.0.0.1', port: modelPort, environment: { ...process.env } });
const standalone = await createStandalone({ within: folder, base: { ...process.env, OPENCLAW_URL: url, OPENCLAW_AUTH_TOKEN: token }, modelPort, signal });
try {
  await mkdir(join(standalone.installation.home, 'config'), { recursive: true });
  await writeFile(join(standalone.installation.home, 'config', 'meta-config.yaml'), `bridges:\n  openclaw:\n    platforms:\n      telegram: { allowFrom: ["${ours}"], ratePerMinute: 600 }\n`);
  const config = JSON.parse(before) as { session?: object; messages?: object };
  // OpenClaw takes both up while it runs.
  const rules = [{ action: 'deny', match: { keyPrefix: `agent:main:telegram:direct:${ours}` } }];
  await writeFile(configFile, JSON.stringify({ ...config, session: { dmScope: 'per-channel-peer', sendPolicy: { default: 'allow', rules } } }));
  await delay(5_000);
  await standalone.start();

  const taken = { ours: [] as number[], theirs: [] as number[], model: [] as number[] };
  for (let round = 0; round < warmUp + rounds; round++) {
    const order = round % 2 === 0 ? [ours, theirs] : [theirs, ours];
    for (const from of order) {
      const took = await answerTo(from);
      if (round >= warmUp) (from === ours ? taken.ours : taken.theirs).push(took);
      await delay(1_000);
    }
    taken.model.push(await model.ask());
  }
  const gateway = (await listProcesses()).find(({ commandLine }) => /^openclaw|openclaw\.mjs gateway/.test(commandLine));
  const theirMemory = gateway ? await processTree(gateway.pid) : [];
  const ourMemory = await standalone.processes();
  const peer = summarize(taken.theirs).median;
  const row = (name: string, samples: readonly number[], memory: string): string => {
    const { median, p95, min, max, count } = summarize(samples);
    return `| ${name} | ${milliseconds(median)} | ${milliseconds(p95)} | ${milliseconds(min)} to ${milliseconds(max)} | ${count} | ${(median / peer).toFixed(2)} | ${memory} |`;
  };
  process.stdout.write([
    '| Telegram message → reply | median | p95 | min to max | n | of OpenClaw’s own | memory |', '| --- | --- | --- | --- | --- | --- | --- |',
    row('MegaBot (standalone) behind OpenClaw', taken.ours, `${megabytes(ourMemory)}, and OpenClaw's`), row('OpenClaw’s own agent', taken.theirs, megabytes(theirMemory)), row('the model asked directly', taken.model, ''), '',
  ].join('\n'));
} finally {
  await standalone.wipe();
  await writeFile(configFile, before);
  await rm(folder, { recursive: true, force: true });
}
