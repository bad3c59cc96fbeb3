import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { bridgeAnswerDecide, bridgeAnswerPut, bridgeAnswers, bridgeLease } from '@megabot/contracts/endpoints/bridge.ts';
import { exportItems, forget, recall, remember } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { provisionRoles } from '@megabot/postgres/roles.ts';
import { startPostgres, type TestPostgres } from '@megabot/testing/postgres.ts';
import { startMemory, until, type Harness } from './testing/harness.ts';

/** The service as its own database role, which owns nothing: what the embedded database cannot show. */
describe('memory on PostgreSQL', () => {
  let server: TestPostgres;
  let m: Harness;
  before(async () => {
    server = await startPostgres();
    const password = randomBytes(24).toString('base64url');
    const open = (user: string, secret: string) =>
      openPostgres({ host: server.host, port: server.port, user, password: secret, database: server.database, poolSize: 8, applicationName: 'test', statementTimeoutMs: 5_000, logger: silentLogger() });
    {
      await using superuser = open(server.superuser, server.password);
      await provisionRoles(superuser, { roles: [{ login: 'megabot_memory', owner: 'memory_owner', schema: 'memory', password, connectionLimit: 20 }] });
      await migrate(superuser, { schema: 'memory', migrations: new URL('../migrations/', import.meta.url), role: 'memory_owner' });
      await superuser.query(await readFile(new URL('../migrations/grants.sql', import.meta.url), 'utf8'));
    }
    m = await startMemory({}, async () => open('megabot_memory', password));
  });
  after(async () => {
    await m.close();
    await server.close();
  });

  it('takes a turn from message to answer with the rights of its role', async () => {
    const { turnId } = await m.send('hello', { messageKey: 'k' });
    assert.equal((await m.send('hello', { messageKey: 'k' })).duplicate, true);
    await until(() => m.queued.includes(turnId), 'turn on the queue');
    const first = await m.claim(turnId);
    await m.checkpoint(turnId, first.lease, 'waiting', { step: 1 });
    await m.settle(turnId);
    await until(() => m.queued.length > 1, 'turn on the queue again');
    const second = await m.claim(turnId);
    assert.deepEqual(second.turn.checkpoint, { step: 1 });
    await m.finish(turnId, second.lease, 'answer');
    await until(() => m.finals.length === 1, 'final');
    assert.deepEqual((await m.turn(turnId)).answer?.text, 'answer');
    await m.sweep();
  });

  it('stores one message and gives one lease, however many ask at the same moment', async () => {
    const sent = await Promise.all(Array.from({ length: 12 }, async () => await m.send('race', { messageKey: 'race' })));
    assert.equal(new Set(sent.map(({ turnId }) => turnId)).size, 1);
    const turnId = sent[0]?.turnId ?? '';
    const claims = await Promise.allSettled(Array.from({ length: 12 }, async (_, n) => await m.claim(turnId, `replica-${n}`)));
    assert.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const claim of claims) if (claim.status === 'rejected') assert.ok(isServiceError(claim.reason, 'turn_busy'));
  });

  it('lets an answer to a messenger be taken up or discarded, never both, in the same moment', async () => {
    const holder = { bridge: 'openclaw', holder: 'holder-of-the-lease' };
    await m.gateway.call(bridgeLease, { ...holder, ttlMs: 60_000 });
    const now = 1_000;
    const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
    const answers = Array.from({ length: 40 }, (_, n) => ({
      id: `a${n}`, address, sessionKey: 's', parts: ['x'], state: 'pending' as const, nextPart: 0, round: 0, uncertain: false, attempts: 1, createdAt: now, nextTryAt: now, expiresAt: 9_000,
    }));
    for (const answer of answers) await m.gateway.call(bridgeAnswerPut, { ...holder, op: 'add', answer });
    const taken = new Set<string>();
    await Promise.all(answers.map(async (answer, n) => {
      const takeUp = async () => await m.gateway.call(bridgeAnswerPut, { ...holder, op: 'save', answer: { ...answer, uncertain: true, sendingUntil: 5_000 } });
      const discard = async () => await m.gateway.call(bridgeAnswerDecide, { bridge: 'openclaw', id: answer.id, decision: 'discard', now });
      const ends = await Promise.allSettled(n % 2 === 0 ? [takeUp(), discard()] : [discard(), takeUp()]);
      const [lost, ...more] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      assert.deepEqual([isServiceError(lost, 'conflict'), more], [true, []]);
      if (ends[n % 2]?.status === 'fulfilled') taken.add(answer.id);
    }));
    const listed = await m.gateway.call(bridgeAnswers, { bridge: 'openclaw', which: 'undelivered' });
    assert.deepEqual(new Set(listed.answers.map(({ id }) => id)), taken);
  });

  it('remembers, recalls, exports and forgets', async () => {
    await m.gateway.call(remember, { items: [{ text: 'Which cat?', externalId: 'q' }, { text: 'Miso', externalId: 'a', previousExternalId: 'q' }, { text: 'Der Schlüssel' }] });
    assert.deepEqual((await m.gateway.call(recall, { query: 'my cats' })).items.map(({ text }) => text), ['Which cat?', 'Miso']);
    assert.deepEqual((await m.gateway.call(recall, { query: 'schlüss' })).items.map(({ text }) => text), ['Der Schlüssel']);
    assert.equal((await m.gateway.call(exportItems, {})).items.length, 3);
    assert.equal((await m.gateway.call(forget, { space: 'default' })).count, 3);
  });
});
