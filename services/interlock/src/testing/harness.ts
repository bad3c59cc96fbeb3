import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle, type Bus } from '@megabot/bus/port.ts';
import { signedBytes } from '@megabot/contracts/canonical.ts';
import { emptyWorkspaceRevision, type Action, type ActionKind } from '@megabot/contracts/action.ts';
import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import { bridgeChats } from '@megabot/contracts/endpoints/bridge.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import type { SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { forgetPreview } from '@megabot/contracts/endpoints/memory.ts';
import { workspaceRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { runQueues, type Permit, type PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { signingContexts, type ClaimGrant, type OriginTicket } from '@megabot/contracts/ticket.ts';
import { generateSecret, keyPairFromSeed, signText } from '@megabot/crypto/ed25519.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';
import { createInterlock, type Interlock, type InterlockOptions } from '../app.ts';

export interface Heard {
  readonly topic: string;
  readonly payload: Record<string, unknown>;
}

/** What stands for a folder in the workspace that the tests fill. */
export const folderMark = '(a folder)';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const owner: Actor = { principal: 'owner', trust: 'owner', channel: 'ui' };
export const shell = (command: string): Action => ({ kind: 'shell', command });

/** The SQL of the service, for tests that open a database of their own. */
export const migrations = new URL('../../migrations/', import.meta.url);

const openMigrated = async (): Promise<Database> => await openMemoryDatabase({ schema: 'interlock', migrations });

interface Setup {
  readonly policy?: { allow?: string[]; deny?: string[] };
  /** Instead of a file made from `policy`; null for no file at all. */
  readonly file?: string | null;
  readonly limits?: InterlockOptions['limits'];
  /** Settings of the section `approvals`, beside `policy`. */
  readonly approvals?: Readonly<Record<string, number>>;
  /** More text for the file, behind the policy. */
  readonly settings?: string;
  readonly open?: () => Promise<Database>;
}

/** The interlock over an embedded database, with a gateway, an orchestrator, a sandbox, and a clock that the test moves. */
export async function startInterlock(setup: Setup = {}) {
  const db = await (setup.open ?? openMigrated)();
  const hub = createInProcessHub();
  const logger = silentLogger();
  const bus = (name: 'gateway' | 'orchestrator' | 'sandbox' | 'memory'): Bus => hub.bus(name, { logger });
  const [gateway, orchestrator, sandbox, memory] = [bus('gateway'), bus('orchestrator'), bus('sandbox'), bus('memory')];
  const folder = await mkdtemp(path.join(tmpdir(), 'interlock-'));
  const file = path.join(folder, 'meta-config.yaml');
  const { allow = [], deny = [] } = setup.policy ?? {};
  const text = setup.file === undefined ? `policies:\n  allow: ${JSON.stringify(allow)}\n  deny: ${JSON.stringify(deny)}\napprovals: ${JSON.stringify(setup.approvals ?? {})}\n${setup.settings ?? ''}` : setup.file;
  if (text !== null) await writeFile(file, text);

  let time = 1_700_000_000_000;
  const permitSeed = generateSecret();
  let keys: Pick<InterlockOptions, 'permitSeed' | 'earlierPublicKeys'> = { permitSeed };
  const originKey = keyPairFromSeed(generateSecret());
  const start = async (): Promise<Interlock> =>
    await createInterlock(
      { configDir: folder, ...keys, originPublicKey: originKey.publicKey, sweepEveryMs: 0, ...(setup.limits ? { limits: setup.limits } : {}) },
      { bus: hub.bus('interlock', { logger }), db, logger, clock: () => time },
    );
  const running: Interlock[] = [await start()];

  const permits: Permit[] = [];
  for (const [executor, from] of Object.entries({ sandbox, orchestrator, memory, gateway })) {
    await from.work(runQueues[executor as keyof typeof runQueues], { concurrency: 1 }, async (permit) => void permits.push(permit));
  }
  const workspace = new Map<string, string>();
  const memories = { count: 3 };
  const looking = async () => await sandbox.serve([
    handle(workspaceRead, async ({ paths }) => ({
      revision: emptyWorkspaceRevision,
      files: paths.map((path) => {
        const text = workspace.get(path);
        const state = text === undefined ? ('missing' as const) : text === folderMark ? ('unusable' as const) : ('file' as const);
        return state === 'file' && text !== undefined ? { path, state, hash: sha256(text), size: text.length, text } : { path, state, hash: null, size: 0, text: null };
      }),
    })),
  ]);
  let serving = await looking();
  const chats: (BridgeAddress & { title?: string })[] = [];
  await memory.serve([
    handle(forgetPreview, async () => ({ count: memories.count })),
    handle(bridgeChats, async ({ platform, chat }) => ({
      chats: chats.filter((known) => known.platform === platform && known.chat === chat).map(({ title = `${platform}: ${chat}`, ...address }, index) => ({ conversation: `c${index}`, chatKey: `k${index}`, sessionKey: 's', address, title })),
    })),
  ]);
  const heard: Heard[] = [];
  const hear = (topic: string, payload: unknown): void => void heard.push({ topic, payload: payload as Record<string, unknown> });
  await gateway.follow(async ({ event, payload }) => hear(event.topic, payload));
  await memory.follow(async ({ event, payload }) => hear(event.topic, payload));

  const call = async <E extends Endpoint>(from: Bus, endpoint: E, request: z.input<E['request']>): Promise<z.infer<E['reply']>> => await from.call(endpoint, request, { timeoutMs: 20_000 });
  const ticket = (turnId: string, extra: Partial<OriginTicket['claims']> = {}): OriginTicket => {
    const claims: OriginTicket['claims'] = { turnId, conversation: 'default', principal: 'owner', trust: 'owner', issuedAt: time, ...extra };
    return { claims, signature: signText(originKey.privateKey, signedBytes(signingContexts.origin, claims)) };
  };

  const executorOf = (permit: Permit): Bus => hub.bus(permit.claims.executor, { logger });

  return {
    hub, logger, workspace, memories,
    /** Those that the bridge to messengers knows. */
    chats,
    /** The sandbox stops answering what files hold, and begins again. */
    silence: async (): Promise<void> => await serving.stop(),
    async speak(): Promise<void> {
      serving = await looking();
    },
    db, folder, file, heard, gateway, orchestrator, sandbox, call, ticket, permitSeed, permitPublicKey: keyPairFromSeed(permitSeed).publicKey,
    now: (): number => time,
    advance: (ms: number): void => void (time += ms),
    first: (): Interlock => running[0]!,
    /** A second replica over the same database and file. */
    addReplica: async (): Promise<void> => void running.push(await start()),
    /** Stops every replica and starts one anew, as after a crash; with other keys where they are given. */
    async restart(changed = keys): Promise<void> {
      keys = changed;
      for (const one of running.splice(0)) await one.close();
      running.push(await start());
    },
    sweep: async () => await running[0]!.sweep(),
    async submit(command: string | Action, options: { turnId?: string; key?: string; conversation?: string; trust?: 'owner' | 'paired' | 'untrusted'; principal?: string } = {}): Promise<SubmitOutcome & { key: string; turnId: string }> {
      const turnId = options.turnId ?? newId();
      const key = options.key ?? `${turnId}:0:0`;
      const action = typeof command === 'string' ? shell(command) : command;
      const extra = { conversation: options.conversation ?? 'default', trust: options.trust ?? ('owner' as const), ...(options.principal === undefined ? {} : { principal: options.principal }) };
      const outcome = await call(orchestrator, interlock.submit, { action, ticket: ticket(turnId, extra), key });
      return { ...outcome, key, turnId };
    },
    /** Submits what must be asked about, and returns the approval's id. */
    async ask(command: string | Action, options: { turnId?: string; conversation?: string; key?: string; trust?: 'owner' | 'paired' | 'untrusted'; principal?: string } = {}): Promise<{ approvalId: string; key: string; turnId: string }> {
      const outcome = await this.submit(command, options);
      if (outcome.decision !== 'ask') throw new Error(`asked, but it was ${outcome.decision}`);
      return outcome;
    },
    decide: async (approvalId: string, decision: 'approve' | 'reject', extra: Partial<z.input<(typeof interlock.decide)['request']>> = {}) =>
      await call(gateway, interlock.decide, { approvalId, decision, actor: owner, ...extra }),
    async status(key: string) {
      const { actions } = await call(orchestrator, interlock.status, { keys: [key] });
      const [state] = actions;
      if (!state) throw new Error('no state');
      return state;
    },
    /** The next permit from any queue; of a command or of files, where nothing else is said. */
    async permit<Kind extends ActionKind = 'shell' | 'file_write'>(): Promise<PermitOf<Kind>> {
      await eventually(() => permits.length > 0, 'no permit was queued');
      return permits.shift() as PermitOf<Kind>;
    },
    permitsWaiting: (): number => permits.length,
    claim: async (permit: Permit, extra: Partial<z.input<(typeof interlock.claim)['request']>> = {}): Promise<{ grant: ClaimGrant; grantSignature: string }> =>
      await call(executorOf(permit), interlock.claim, {
        permitId: permit.claims.permitId, runId: permit.claims.runId, planHash: permit.claims.planHash, nonce: 'nonce-of-sixteen-characters', instance: 'sandbox-1',
        workspaceRevision: permit.plan.workspaceRevision, ...extra,
      }),
    report: async (permit: Permit, extra: Partial<RunReport> = {}, instance = 'sandbox-1') =>
      await call(executorOf(permit), interlock.report, { permitId: permit.claims.permitId, runId: permit.claims.runId, instance, report: { ...reportOf(permit, time), ...extra } }),
    beat: async (running: string[], instance = 'sandbox-1') => await call(sandbox, interlock.heartbeat, { instance, running }),
    audit: async () => (await call(gateway, interlock.auditList, { limit: 500 })).entries,
    policy: async () => await call(gateway, interlock.policyGet, {}),
    readFile: async (): Promise<string> => await readFile(file, 'utf8'),
    async writeFile(content: string): Promise<void> {
      await writeFile(file, content);
      await running[0]!.reload();
    },
    /** Waits until an event of this topic was heard. */
    async hears(topic: string, matches: (payload: Record<string, unknown>) => boolean = () => true): Promise<Record<string, unknown>> {
      const find = (): Heard | undefined => heard.find((one) => one.topic === topic && matches(one.payload));
      await eventually(() => find() !== undefined, `no event "${topic}" was heard`);
      return find()!.payload;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const one of running.splice(0)) await one.close();
      await hub.close();
      await db[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function reportOf(permit: Permit, now: number): RunReport {
  return {
    status: 'exited', exitCode: 0, signal: null, output: 'done\n', truncated: false, droppedBytes: 0, driver: 'docker', detail: null,
    workspaceRevision: permit.plan.workspaceRevision, startedAt: now, endedAt: now,
  };
}

/** Waits for something that happens in the background, a few seconds at most. */
export async function eventually(condition: () => boolean | Promise<boolean>, otherwise: string, patienceMs = 5_000): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(otherwise);
    await sleep(5);
  }
}
