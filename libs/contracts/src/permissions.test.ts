import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { natsUsers, permissionsOf, renderNatsUsers, renderPermissions } from './permissions.ts';
import { serviceNames } from './services.ts';
import { endpointSubject, endpointWildcard, eventWildcard, queueSubject } from './subjects.ts';
import { endpointTable, eventTable, queueTable } from './table.ts';

const infra = new URL('../../../infra/nats/', import.meta.url);

test('the committed permissions of NATS are those of the tables', async () => {
  const committed = await readFile(new URL('permissions.conf', infra), 'utf8');
  assert.equal(committed, renderPermissions(), 'run `node infra/nats/generate.ts` and commit infra/nats/permissions.conf');
});

test('the server knows each user by its own key and its own permissions, and nobody else', async () => {
  const conf = await readFile(new URL('nats-server.conf', infra), 'utf8');
  const users = [...conf.matchAll(/\{ nkey: (\S+), permissions: (\S+) \}/g)].map(([, key, permissions]) => [key, permissions]);
  assert.deepEqual(users, natsUsers.map((user) => [`$NKEY_${user}`, `$PERMISSIONS_${user}`]));
  assert.equal(conf.match(/nkey:/g)?.length, natsUsers.length);
});

test('a service may call exactly what names it as a caller, under its own name', () => {
  for (const user of serviceNames) {
    const calls = permissionsOf(user).publish.filter((subject) => /^mb\.[a-z]+\.[a-z-]+\.v\d+\.[a-z]+$/.test(subject));
    const allowed = [
      ...endpointTable.filter((endpoint) => endpoint.callers.includes(user)).map((endpoint) => endpointSubject(endpoint, user)),
      ...queueTable.filter((queue) => queue.publisher === user).map(queueSubject),
    ];
    assert.deepEqual(calls.toSorted(), allowed.toSorted());
    assert.ok(calls.every((subject) => subject.endsWith(`.${user}`)));
  }
});

test('a service hears its own inbox, its own endpoints in the queue group, and the events it may listen to', () => {
  for (const user of serviceNames) {
    const hears = permissionsOf(user).subscribe.filter((subject) => !subject.startsWith('$SRV.'));
    assert.deepEqual(hears.toSorted(), [
      `_INBOX_${user}.>`,
      ...endpointTable.filter((endpoint) => endpoint.service === user).map((endpoint) => `${endpointWildcard(endpoint)} rpc`),
      ...eventTable.filter((event) => event.listeners.includes(user)).map(eventWildcard),
    ].toSorted());
  }
});

test('nobody may delete, purge, read raw messages of a stream, or answer wherever a request says', () => {
  const text = renderPermissions();
  assert.doesNotMatch(text, /allow_responses|\.DELETE|\.PURGE|\.MSG\.GET|SNAPSHOT|RESTORE|ROLLUP|STEPDOWN|"\$JS\.API\.>"|"\$JS\.>"|"_INBOX\.>"|"mb\.>"|"mb\.q|\$SYS|"">/);
  assert.doesNotMatch(text, /"[>*]"/);
});

test('only init makes streams and consumers; only gateway reads the log of events', () => {
  for (const user of serviceNames) {
    const api = permissionsOf(user).publish.filter((subject) => subject.startsWith('$JS.API.'));
    assert.ok(!api.some((subject) => /CREATE|UPDATE/.test(subject)));
    assert.equal(api.includes('$JS.API.DIRECT.GET.EVENTS'), user === 'gateway');
  }
});

test('an endpoint, a queue and an event never share a subject', () => {
  const subjects = [...endpointTable.map(endpointWildcard), ...queueTable.map((queue) => queueSubject(queue).replace(/[^.]+$/, '*')), ...eventTable.map(eventWildcard)];
  assert.equal(new Set(subjects).size, subjects.length);
});

test('a seed in the place of a public key is refused and not repeated', () => {
  const seed = `SU${'A'.repeat(56)}`;
  const keys = Object.fromEntries(natsUsers.map((user) => [user, seed])) as Record<(typeof natsUsers)[number], string>;
  assert.throws(() => renderNatsUsers(keys), (error: Error) => error.message.includes('gateway') && !error.message.includes('SUAC'));
});
