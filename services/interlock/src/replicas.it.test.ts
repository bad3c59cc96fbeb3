import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectNats } from '@megabot/bus/nats.ts';
import type { Bus } from '@megabot/bus/port.ts';
import { signedBytes } from '@megabot/contracts/canonical.ts';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import type { Endpoint } from '@megabot/contracts/endpoint.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import { signingContexts, type OriginTicket } from '@megabot/contracts/ticket.ts';
import { generateSecret, keyPairFromSeed, signText } from '@megabot/crypto/ed25519.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { isDatabaseError, type Database } from '@megabot/postgres/database.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { provisionRoles } from '@megabot/postgres/roles.ts';
import { startNats, type TestNats } from '@megabot/testing/nats.ts';
import { startPostgres, type TestPostgres } from '@megabot/testing/postgres.ts';
import type { z } from 'zod';
import { readWitnesses } from './audit/command.ts';
import { verifyAudit } from './audit/verify.ts';
import { eventually, migrations, owner } from './testing/harness.ts';
import { contradictions } from './testing/history.ts';

const logger = silentLogger();
const code = (...wanted: string[]) => (error: unknown): boolean => isServiceError(error) && wanted.includes(error.code);

/** A replica as it runs in the stack: a process of its own. */
interface Replica {
  readonly process: ChildProcess;
  readonly lines: string[];
  stop(signal: NodeJS.Signals): Promise<void>;
}

describe('two replicas of the interlock, as processes, on PostgreSQL and NATS', { timeout: 300_000 }, () => {
  const permitSeed = generateSecret();
  const originKey = keyPairFromSeed(generateSecret());
  const password = randomBytes(24).toString('base64url');
  const permits: Permit[] = [];
  const replicas: Replica[] = [];
  let postgres: TestPostgres;
  let nats: TestNats;
  let folder: string;
  let db: Database;
  let buses: Record<'gateway' | 'orchestrator' | 'sandbox', Bus>;

  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'], MEGABOT_CONFIG_DIR: folder, NATS_URL: nats.url, NATS_SEED: nats.seeds.interlock, DATABASE_HOST: postgres.host, DATABASE_PORT: String(postgres.port),
    DATABASE_NAME: postgres.database, DATABASE_PASSWORD: password, PERMIT_SEED: permitSeed, ORIGIN_PUBLIC_KEY: originKey.publicKey, AUDIT_SIGN_EVERY: '20',
  });
  const commandOf = (name: string, ...rest: string[]): string[] => ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL(name, import.meta.url)), ...rest];

  async function startReplica(): Promise<Replica> {
    const child = spawn(process.execPath, commandOf('main.ts'), { stdio: ['ignore', 'pipe', 'inherit'], env: environment() });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => void lines.push(line));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const replica: Replica = {
      process: child, lines,
      async stop(signal) {
        child.kill(signal);
        await ended;
      },
    };
    replicas.push(replica);
    await eventually(() => child.exitCode !== null || lines.some((line) => line.includes('the interlock judges')), 'a replica did not start', 60_000);
    assert.equal(child.exitCode, null, 'a replica ended while it started');
    return replica;
  }

  before(async () => {
    [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
    folder = await mkdtemp(path.join(tmpdir(), 'replicas-'));
    await writeFile(path.join(folder, 'meta-config.yaml'), 'policies:\n  allow: [ls]\n  deny: ["rm -rf"]\n');
    const openAs = (user: string, secret: string): Database =>
      openPostgres({ host: postgres.host, port: postgres.port, user, password: secret, database: postgres.database, poolSize: 4, applicationName: 'test', statementTimeoutMs: 10_000, logger });
    {
      await using superuser = openAs(postgres.superuser, postgres.password);
      await provisionRoles(superuser, { roles: [{ login: 'megabot_interlock', owner: 'interlock_owner', schema: 'interlock', password, connectionLimit: 40 }] });
      await migrate(superuser, { schema: 'interlock', migrations, role: 'interlock_owner' });
      await superuser.query(await readFile(new URL('grants.sql', migrations), 'utf8'));
    }
    db = openAs('megabot_interlock', password);
    const bus = async (service: 'gateway' | 'orchestrator' | 'sandbox'): Promise<Bus> =>
      await connectNats({ service, servers: nats.url, nkeySeed: nats.seeds[service], logger, connectDeadlineMs: 20_000 });
    buses = { gateway: await bus('gateway'), orchestrator: await bus('orchestrator'), sandbox: await bus('sandbox') };
    await startReplica();
    await startReplica();
    await buses.sandbox.work(runQueues.sandbox, { concurrency: 4 }, async (permit) => void permits.push(permit));
  });
  after(async () => {
    for (const replica of replicas) if (replica.process.exitCode === null && replica.process.signalCode === null) await replica.stop('SIGKILL');
    for (const bus of Object.values(buses ?? {})) await bus.close();
    await db?.[Symbol.asyncDispose]();
    await Promise.all([postgres?.close(), nats?.close()]);
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const call = async <E extends Endpoint>(from: Bus, endpoint: E, request: z.input<E['request']>, timeoutMs = 20_000): Promise<z.infer<E['reply']>> => await from.call(endpoint, request, { timeoutMs });
  const edit = async (edits: z.input<(typeof interlock.policyEdit)['request']>['edit']) => await call(buses.gateway, interlock.policyEdit, { actor: owner, edit: edits });
  const decide = async (approvalId: string, decision: 'approve' | 'reject', timeoutMs = 20_000) => await call(buses.gateway, interlock.decide, { approvalId, decision, actor: owner }, timeoutMs);

  async function submit(command: string, conversation: string) {
    const turnId = newId();
    const claims: OriginTicket['claims'] = { turnId, conversation, principal: 'owner', trust: 'owner', issuedAt: Date.now() };
    const ticket = { claims, signature: signText(originKey.privateKey, signedBytes(signingContexts.origin, claims)) };
    return await call(buses.orchestrator, interlock.submit, { action: { kind: 'shell', command }, ticket, key: `${turnId}:0:0` });
  }

  async function ask(command: string, conversation: string): Promise<string> {
    const outcome = await submit(command, conversation);
    assert.equal(outcome.decision, 'ask');
    return outcome.decision === 'ask' ? outcome.approvalId : '';
  }

  const claim = async (permit: Permit, instance: string) =>
    await call(buses.sandbox, interlock.claim, {
      permitId: permit.claims.permitId, runId: permit.claims.runId, planHash: permit.claims.planHash, nonce: `nonce-of-${instance}-${newId()}`, instance, workspaceRevision: permit.plan.workspaceRevision,
    });
  const report = async (permit: Permit, instance: string) => {
    const ended = { status: 'exited', exitCode: 0, signal: null, output: 'done\n', truncated: false, droppedBytes: 0, driver: 'docker', detail: null, workspaceRevision: permit.plan.workspaceRevision, startedAt: Date.now(), endedAt: Date.now() } as const;
    return await call(buses.sandbox, interlock.report, { permitId: permit.claims.permitId, runId: permit.claims.runId, instance, report: ended });
  };

  async function wholeLog(): Promise<AuditEntry[]> {
    const entries: AuditEntry[] = [];
    for (let more = true; more; ) {
      const page = await call(buses.gateway, interlock.auditList, { after: entries.at(-1)?.seq ?? 0, limit: 500 });
      entries.push(...page.entries);
      more = page.hasMore;
    }
    return entries;
  }

  /** The log of what happened, replayed; unbroken, and signed as the replicas' own logs say. */
  async function assertLog(): Promise<void> {
    assert.deepEqual(contradictions(await wholeLog(), { permitMs: 10_000 }), []);
    async function* lines() {
      for (const replica of replicas) yield* replica.lines;
    }
    const witnesses = await readWitnesses(lines());
    const { ok, firstBreak } = await verifyAudit(db, { publicKeys: [keyPairFromSeed(permitSeed).publicKey], witnesses });
    assert.deepEqual([ok, firstBreak], [true, null]);
  }

  test('each approval is decided once, whoever says what at the same moment, and its run starts once', async () => {
    const conversations = Array.from({ length: 12 }, (_, index) => `decided-${index}`);
    const approvals = await Promise.all(conversations.map(async (conversation) => await ask(`make ${conversation}`, conversation)));
    const outcomes = await Promise.all(approvals.map(async (approvalId) => await Promise.allSettled(Array.from({ length: 6 }, async (_, index) => await decide(approvalId, index % 2 === 0 ? 'approve' : 'reject')))));
    let approved = 0;
    for (const [index, decisions] of outcomes.entries()) {
      const winners = decisions.flatMap((one) => (one.status === 'fulfilled' ? [one.value.approval.status] : []));
      assert.equal(winners.length, 1, `approval ${index} was decided ${winners.length} times`);
      if (winners[0] === 'approved') approved += 1;
      for (const one of decisions) if (one.status === 'rejected') assert.ok(code('approval_decided')(one.reason), String(one.reason));
      const now = await call(buses.gateway, interlock.approvalsGet, { approvalId: approvals[index] ?? '' });
      assert.equal(now.status, winners[0], 'what the winner was told is what stands');
    }
    const mine = (): Permit[] => permits.filter((permit) => permit.plan.conversation.startsWith('decided-'));
    await eventually(() => new Set(mine().map((permit) => permit.claims.runId)).size === approved, 'an approved run got no permit', 20_000);
    const claims = await Promise.all(mine().map(async (permit) => await Promise.allSettled(Array.from({ length: 6 }, async (_, index) => await claim(permit, `sandbox-${index}`)))));
    for (const tries of claims) assert.equal(tries.filter((one) => one.status === 'fulfilled').length, 1);
    await assertLog();
  });

  test('edits of the policy from all sides at once lose nothing, while commands are judged', async () => {
    const patterns = Array.from({ length: 16 }, (_, index) => `tool${index}`);
    const edits = patterns.map(async (pattern, index) => await edit({ op: 'add', list: index % 4 === 3 ? 'deny' : 'allow', pattern }));
    const judged = Array.from({ length: 16 }, async (_, index) => await submit(`ls ${index}`, `judged-${index}`));
    await Promise.all([...edits, ...judged]);
    const { allow, deny } = await call(buses.gateway, interlock.policyGet, {});
    assert.deepEqual(new Set(allow), new Set(['ls', ...patterns.filter((_, index) => index % 4 !== 3)]));
    assert.deepEqual(new Set(deny), new Set(['rm -rf', ...patterns.filter((_, index) => index % 4 === 3)]));
    const file = await readFile(path.join(folder, 'meta-config.yaml'), 'utf8');
    for (const pattern of patterns) assert.ok(file.includes(`"${pattern}"`), `${pattern} is not in the file`);
    // Added and taken away again by two at a time: one of them changed it, and both are told how it is.
    const removals = await Promise.all([1, 2].map(async () => await edit({ op: 'remove', list: 'allow', pattern: 'tool0' })));
    assert.deepEqual(removals.map((one) => one.changed).toSorted((a, b) => Number(a) - Number(b)), [false, true]);
    await assertLog();
  });

  test('claims, reports, edits and a lockdown at once: nothing starts after it, and the log tells one story', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, async (_, index) => await submit('ls', `busy-${index}`)));
    assert.ok(outcomes.every((outcome) => outcome.decision === 'allow'));
    const mine = (): Permit[] => permits.filter((permit) => permit.plan.conversation.startsWith('busy-'));
    await eventually(() => mine().length >= 20, 'permits are missing', 20_000);
    let lockedAt = Number.POSITIVE_INFINITY;
    const claims = mine().map(async (permit, index) => {
      const granted = await claim(permit, `sandbox-${index}`).then(() => true, (error: unknown) => {
        assert.ok(code('lockdown', 'permit_void', 'permit_expired')(error), String(error));
        return false;
      });
      if (granted) await report(permit, `sandbox-${index}`);
    });
    const locked = edit({ op: 'add', list: 'deny', pattern: '*' }).then(() => (lockedAt = Date.now()));
    await Promise.all([...claims.slice(0, 10), locked, ...claims.slice(10)]);
    await Promise.all(mine().map(async (permit) => await assert.rejects(claim(permit, 'too-late'))));
    assert.ok(Date.now() >= lockedAt);
    await call(buses.gateway, interlock.unlock, { actor: owner });
    await assertLog();
  });

  test('one replica is killed in the middle of it: the other goes on, and neither decision nor entry is lost or doubled', async () => {
    const approvals = await Promise.all(Array.from({ length: 16 }, async (_, index) => await ask(`make ${index}`, `killed-${index}`)));
    const killed = (async () => await replicas[0]?.stop('SIGKILL'))();
    const decisions = await Promise.allSettled(approvals.map(async (approvalId) => await decide(approvalId, 'approve', 3_000)));
    await killed;
    for (const one of decisions) if (one.status === 'rejected') assert.ok(code('timeout', 'no_responders', 'unavailable', 'disconnected')(one.reason), String(one.reason));
    for (const [index, approvalId] of approvals.entries()) {
      // Whose answer was lost may have been decided: asking again says so, and does not decide it a second time.
      if (decisions[index]?.status === 'rejected') await decide(approvalId, 'approve').catch((error: unknown) => assert.ok(code('approval_decided')(error), String(error)));
    }
    const entries = (await wholeLog()).filter((entry) => entry.event === 'decided' && approvals.includes(entry.subject['approvalId'] ?? ''));
    assert.deepEqual(entries.map((entry) => entry.verdict), Array.from({ length: 16 }, () => 'approved'));
    await startReplica();
    await assertLog();
  });

  test('the command reads the log as it stands: verified beside what the replicas have logged, exported, verified without them', async () => {
    const run = promisify(execFile);
    const logged = path.join(folder, 'log');
    await writeFile(logged, replicas.flatMap((replica) => replica.lines).join('\n'));
    const here = await run(process.execPath, commandOf('megabot-main.ts', 'audit', 'verify', '--heads', logged), { env: environment() });
    assert.match(here.stdout, /^The audit log is whole: \d+ entries, signed up to entry \d+ .*, [1-9]\d* signed heads of the log compared\./);
    const { stdout } = await run(process.execPath, commandOf('megabot-main.ts', 'audit', 'export'), { env: environment(), maxBuffer: 1e9 });
    const exported = path.join(folder, 'audit.jsonl');
    await writeFile(exported, stdout);
    const away = ['audit', 'verify', '--file', exported, '--public-key', keyPairFromSeed(permitSeed).publicKey, '--heads', logged];
    assert.match((await run(process.execPath, commandOf('megabot-main.ts', ...away), { env: {} })).stdout, /^The audit log is whole/);
    await writeFile(exported, stdout.replace('"verdict":"approved"', '"verdict":"rejected"'));
    await assert.rejects(run(process.execPath, commandOf('megabot-main.ts', ...away), { env: {} }), (error: { code?: number; stdout?: string }) => error.code === 1 && /was changed/.test(error.stdout ?? ''));
  });

  test('the role of the service can only continue the log and erase texts, whatever it tries', async () => {
    const refused = [
      "UPDATE interlock.audit SET verdict = 'x'", 'DELETE FROM interlock.audit', 'TRUNCATE interlock.audit', 'TRUNCATE interlock.audit CASCADE', 'DROP TABLE interlock.audit',
      'ALTER TABLE interlock.audit DISABLE TRIGGER ALL', 'ALTER TABLE interlock.audit OWNER TO megabot_interlock', 'DROP TRIGGER audit_rows_stay ON interlock.audit', "SET session_replication_role = 'replica'",
      "UPDATE interlock.audit_text SET text = ''", 'TRUNCATE interlock.audit_text', "UPDATE interlock.audit_heads SET signature = ''", 'DELETE FROM interlock.audit_heads', 'TRUNCATE interlock.audit_heads',
      'DELETE FROM interlock.audit_head', 'INSERT INTO interlock.audit_head (only_row) VALUES (true)', 'SET ROLE interlock_owner',
      'CREATE OR REPLACE FUNCTION interlock.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$', 'CREATE RULE quiet AS ON INSERT TO interlock.audit DO INSTEAD NOTHING',
    ];
    // A grant of what one does not hold is only warned about; it must not have given anything.
    await db.query('GRANT ALL ON interlock.audit, interlock.audit_heads TO megabot_interlock').catch(() => undefined);
    for (const statement of refused) await assert.rejects(db.query(statement), (error: unknown) => isDatabaseError(error, 'permission'), statement);
    const columns = 'at, event, principal, channel, conversation, verdict, rule, subject, text_hash, previous_hash, hash';
    const again = (seq: string): string => `INSERT INTO interlock.audit (seq, ${columns}) SELECT ${seq}, ${columns} FROM interlock.audit WHERE seq = 5`;
    for (const statement of [
      'UPDATE interlock.audit_head SET seq = seq - 1', "UPDATE interlock.audit_head SET hash = 'x'", 'UPDATE interlock.audit_head SET seq = seq + 1',
      again('5'), again('0'), again('(SELECT max(seq) + 1 FROM interlock.audit)'), again('(SELECT max(seq) + 2 FROM interlock.audit)'),
    ]) await assert.rejects(db.query(statement), (error: unknown) => isDatabaseError(error), statement);
    await assertLog();
  });

  test('stopped, each signs what it leaves: the log is signed to its end', async () => {
    await submit('ls at the end', 'end');
    for (const replica of replicas) if (replica.process.exitCode === null && replica.process.signalCode === null) await replica.stop('SIGTERM');
    const [end] = await db.query<{ last: number; signed: number }>('SELECT (SELECT max(seq) FROM interlock.audit) AS last, (SELECT max(seq) FROM interlock.audit_heads) AS signed');
    assert.equal(end?.signed, end?.last);
    async function* lines() {
      for (const replica of replicas) yield* replica.lines;
    }
    const witnesses = await readWitnesses(lines());
    assert.ok(witnesses.length > 1 && witnesses.some((witness) => witness.seq === end?.last), 'the last signature is in a log of the service');
  });
});
