import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { isDatabaseError, type Database } from '@megabot/postgres/database.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { provisionRoles } from '@megabot/postgres/roles.ts';
import { startPostgres, type TestPostgres } from '@megabot/testing/postgres.ts';
import { migrations, owner, startInterlock } from './testing/harness.ts';
import { chat, enrolled, sender, telegram } from './testing/messenger.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;

/** With real concurrency and as its own database role: what the embedded database, with one session, cannot show. */
describe('the interlock on PostgreSQL', () => {
  let server: TestPostgres;
  let open: () => Database;
  let it: Awaited<ReturnType<typeof startInterlock>>;
  before(async () => {
    server = await startPostgres();
    const password = randomBytes(24).toString('base64url');
    const openAs = (user: string, secret: string): Database =>
      openPostgres({ host: server.host, port: server.port, user, password: secret, database: server.database, poolSize: 10, applicationName: 'test', statementTimeoutMs: 10_000, logger: silentLogger() });
    {
      await using superuser = openAs(server.superuser, server.password);
      await provisionRoles(superuser, { roles: [{ login: 'megabot_interlock', owner: 'interlock_owner', schema: 'interlock', password, connectionLimit: 40 }] });
      await migrate(superuser, { schema: 'interlock', migrations, role: 'interlock_owner' });
      await superuser.query(await readFile(new URL('grants.sql', migrations), 'utf8'));
    }
    open = () => openAs('megabot_interlock', password);
    it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] }, approvals: { max_pending: 200, max_pending_per_origin: 1_000, per_minute: 1_000 }, open: async () => open() });
    await it.addReplica();
  });
  after(async () => {
    await it[Symbol.asyncDispose]();
    await server.close();
  });

  test('a command goes from proposal to report with the rights of the role', async () => {
    const { approvalId, key } = await it.ask('make', { conversation: 'flow' });
    await it.decide(approvalId, 'approve', { scope: 'conversation' });
    const permit = await it.permit();
    const claimed = await it.claim(permit);
    assert.deepEqual(await it.claim(permit), claimed);
    await it.beat([permit.claims.runId]);
    await it.report(permit, { workspaceRevision: 'after' });
    assert.equal((await it.status(key)).run?.status, 'exited');
    await it.hears('settled', (payload) => payload.key === key);
    await it.sweep();
  });

  test('the role can neither change nor empty the audit log', async () => {
    await using db = open();
    for (const statement of ["UPDATE interlock.audit SET verdict = 'x'", 'DELETE FROM interlock.audit', 'TRUNCATE interlock.audit', 'ALTER TABLE interlock.audit DISABLE TRIGGER ALL', 'DROP TABLE interlock.audit', "UPDATE interlock.audit_text SET text = ''", 'TRUNCATE interlock.audit_text']) {
      await assert.rejects(db.query(statement), (error: unknown) => isDatabaseError(error, 'permission'), statement);
    }
  });

  test('a key has one outcome, an approval one decision and a permit one claim, however many try at the same moment', async () => {
    const turnId = newId();
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => it.submit('make one', { turnId, conversation: 'race' })));
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1);
    const [first] = outcomes;
    assert.equal(first?.decision, 'ask');
    const approvalId = first?.decision === 'ask' ? first.approvalId : '';
    const decisions = await Promise.allSettled(Array.from({ length: 12 }, (_, index) => it.decide(approvalId, index % 3 === 0 ? 'reject' : 'approve')));
    assert.equal(decisions.filter((decision) => decision.status === 'fulfilled').length, 1);
    for (const decision of decisions) if (decision.status === 'rejected') assert.ok(code('approval_decided')(decision.reason));

    await it.submit('ls', { conversation: 'race-to-claim' });
    const permits = [await it.permit()];
    if (permits[0]?.plan.conversation !== 'race-to-claim') permits.push(await it.permit());
    const permit = permits.find((one) => one.plan.conversation === 'race-to-claim')!;
    const claims = await Promise.allSettled(Array.from({ length: 12 }, (_, index) => it.claim(permit, { nonce: `nonce-of-the-claim-${index}`, instance: `sandbox-${index}` })));
    assert.equal(claims.filter((claim) => claim.status === 'fulfilled').length, 1);
  });

  test('a lockdown in the middle of everything: nothing is claimed after it, and nothing deadlocks', async () => {
    const work = Array.from({ length: 30 }, async (_, index) => {
      const outcome = await it.submit(index % 2 === 0 ? 'ls' : 'make', { conversation: `busy-${index % 5}` });
      if (outcome.decision === 'ask') await it.decide(outcome.approvalId, 'approve').catch((error: unknown) => assert.ok(['lockdown', 'approval_decided', 'approval_changed'].some((one) => code(one)(error)), String(error)));
    });
    const locked = it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
    await Promise.all([...work, locked, it.sweep(), it.beat([])]);
    for (const table of ["approvals WHERE status = 'pending'", "runs WHERE status = 'due'", "permits WHERE status = 'live'"]) {
      assert.deepEqual(await it.db.query(`SELECT id FROM interlock.${table}`), [], table);
    }
    while (it.permitsWaiting() > 0) {
      const permit = await it.permit();
      await assert.rejects(it.claim(permit), (error: unknown) => code('lockdown')(error) || code('permit_claimed')(error));
    }
    await it.call(it.gateway, interlock.unlock, { actor: owner });
  });

  test('a turn that is cancelled while it submits leaves nothing that waits or runs, whichever comes first', async () => {
    const turns = Array.from({ length: 24 }, () => newId());
    const work = turns.flatMap((turnId, index) => [
      it.submit(index % 2 === 0 ? 'ls' : 'make', { turnId, conversation: `cancelled-${index}` }),
      it.call(it.gateway, interlock.cancelTurn, { turnId, actor: owner }),
    ]);
    await Promise.all(work);
    for (const table of ['approvals', 'runs']) {
      assert.deepEqual(await it.db.query(`SELECT id FROM interlock.${table} WHERE turn_id = ANY($1::text[]) AND status IN ('pending', 'due', 'running')`, [turns]), [], table);
    }
    while (it.permitsWaiting() > 0) await assert.rejects(it.claim(await it.permit()));
  });

  test('what is beside approvals (edits, batches, codes, grants, history, summaries) works with the rights of the role, on both replicas at once', async () => {
    await it.writeFile(`policies: {allow: [ls], deny: ["rm -rf"]}\napprovals: {max_pending: 200, max_pending_per_origin: 1000, per_minute: 1000}\n${telegram}`);
    const show = await enrolled(it, '1001');
    const asked = await Promise.all(Array.from({ length: 8 }, (_, index) => it.ask(`npm run x${index}`, { conversation: chat })));
    const coded = await Promise.allSettled(asked.map(({ approvalId }) => it.decide(approvalId, 'approve', { actor: sender('1001'), code: show() })));
    assert.equal(coded.filter((one) => one.status === 'fulfilled').length, 1);

    const { approvalId } = await it.ask('make it', { conversation: 'edited' });
    const edits = await Promise.allSettled(['ls a', 'ls b', 'make other'].map((command) => it.call(it.gateway, interlock.approvalEdit, { approvalId, command, actor: owner })));
    assert.equal(edits.filter((one) => one.status === 'fulfilled').length, 1);

    const low = await Promise.all(Array.from({ length: 6 }, (_, index) => it.ask(`cat f${index}`, { conversation: `batch-${index % 3}` })));
    const ids = low.map((one) => one.approvalId);
    const batches = await Promise.allSettled([ids, ids.toReversed()].map((approvalIds) => it.call(it.gateway, interlock.decideBatch, { approvalIds, decision: 'approve', actor: owner })));
    assert.equal(batches.filter((one) => one.status === 'fulfilled').length, 1);

    const granted = await it.ask('make for now', { conversation: 'granted' });
    await it.decide(granted.approvalId, 'approve', { scope: 'conversation' });
    const { grants } = await it.call(it.gateway, interlock.grantRevoke, { id: granted.approvalId, actor: owner });
    assert.ok(grants?.every(({ id }) => id !== granted.approvalId));

    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern: 'cat' } });
    await it.call(it.gateway, interlock.policyUndo, { actor: owner });
    assert.deepEqual((await it.policy()).allow, ['ls']);
    assert.ok((await it.call(it.gateway, interlock.policyPreview, { list: 'allow', pattern: 'make' })).matches.some(({ command }) => command === 'make for now'));
    assert.equal((await it.call(it.gateway, interlock.why, { id: granted.approvalId })).text, 'make for now');

    await it.writeFile('policies: {allow: [ls], deny: ["rm -rf"]}\napprovals: {per_minute: 3, max_pending_per_origin: 1000, max_pending: 200}\n');
    it.advance(120_000);
    const flood = await Promise.all(Array.from({ length: 12 }, (_, index) => it.submit('make flood', { conversation: `flood-${index}` })));
    assert.equal(flood.filter((outcome) => outcome.decision === 'ask').length, 3);
    it.advance(60_000);
    assert.equal((await it.sweep()).summaries, 9);
    await it.call(it.gateway, interlock.totpRemove, { platform: 'telegram', sender: '1001', actor: owner });
    await it.writeFile('policies: {allow: [ls], deny: ["rm -rf"]}\napprovals: {max_pending: 200, max_pending_per_origin: 1000, per_minute: 1000}\n');
  });

  test('edits from all sides at once lose nothing, and the chain of the log is unbroken', async () => {
    const patterns = Array.from({ length: 10 }, (_, index) => `tool${index}`);
    await Promise.all(patterns.map((pattern) => it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern } })));
    const { allow, deny } = await it.policy();
    assert.deepEqual(new Set(allow), new Set(['ls', ...patterns]));
    assert.deepEqual(deny, ['rm -rf']);
    assert.deepEqual((await it.call(it.gateway, interlock.auditVerify, {})).firstBreak, null);
  });
});
