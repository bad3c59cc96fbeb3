import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { pack } from 'tar-stream';
import type { FileChange } from '@megabot/contracts/action.ts';
import { workspaceRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { plan as shellPlan, startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSandbox } from './app.ts';
import { createHeldDriver } from './testing/held-driver.ts';
import type { FilePlan } from './workspace/change-files.ts';
import { readItems } from './workspace/items.ts';
import { openWorkspaceStore, type WorkspaceStore } from './workspace/store.ts';

const logger = silentLogger();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const { limits } = shellPlan;

let interlock: FakeInterlock;
let folder: string;
let workspaces: WorkspaceStore;
let service: { close(): Promise<void> };

beforeEach(async () => {
  interlock = await startFakeInterlock();
  folder = await mkdtemp(join(tmpdir(), 'megabot-files-'));
  workspaces = await openWorkspaceStore({ root: folder });
  service = await createSandbox(
    { instance: 'sandbox-1', permitPublicKey: interlock.signer.publicKey, concurrency: 1 },
    { bus: interlock.hub.bus('sandbox', { logger }), driver: createHeldDriver().driver, workspaces, logger },
  );
});
afterEach(async () => {
  await service.close();
  await interlock.close();
  await rm(folder, { recursive: true, force: true });
});

/** Fills the workspace: text for a file, `-> target` for a link, null for a folder. */
async function fill(entries: Record<string, string | null>): Promise<string> {
  const tar = pack();
  for (const [name, value] of Object.entries(entries)) {
    if (value === null) tar.entry({ name: `${name}/`, type: 'directory', mode: 0o755 });
    else if (value.startsWith('-> ')) tar.entry({ name, type: 'symlink', linkname: value.slice(3) });
    else tar.entry({ name, mode: 0o644 }, value);
  }
  tar.finalize();
  return (await workspaces.put('default', Readable.from([await buffer(tar)]), 2 ** 20)).revision;
}
async function content(): Promise<Record<string, string>> {
  const tar = (await workspaces.get('default')).readTar();
  const items = tar ? await readItems(tar) : [];
  return Object.fromEntries(items.flatMap((item) => (item.type === 'file' ? [[item.path, Buffer.from(item.bytes).toString()]] : item.type === 'symlink' ? [[item.path, `-> ${item.target}`]] : [])));
}
async function run(plan: FilePlan) {
  await interlock.queue(interlock.signer.permitFor(plan));
  for (let waited = 0; interlock.reports.length === 0; waited += 5) {
    if (waited > 8_000) assert.fail('no report came');
    await sleep(5);
  }
  return interlock.reports.shift()!.report;
}
const place = (workspaceRevision: string) => ({ conversation: 'default', workspaceRevision, limits });
const change = (path: string, before: string | null, after: string | null): FileChange => ({ path, before: before === null ? null : sha256(before), after: after === null ? null : sha256(after) });
const write = (revision: string, path: string, before: string | null, text: string): FilePlan => ({ ...shellPlan, ...place(revision), kind: 'file_write', network: 'none', argv: [], files: [{ path, content: text }], changes: [change(path, before, text)] });
const remove = (revision: string, ...changes: FileChange[]): FilePlan => ({ kind: 'file_delete', ...place(revision), changes });
const move = (revision: string, from: string, to: string, text: string): FilePlan => ({ kind: 'file_move', ...place(revision), from, to, changes: [change(from, text, null), change(to, null, text)] });

suite('a change of files', () => {
  test('writes, moves and deletes exactly what was planned, and says so', async () => {
    const revision = await fill({ 'a.txt': 'one', sub: null, 'sub/b.txt': 'two', 'link': '-> a.txt' });
    const written = await run(write(revision, 'a.txt', 'one', 'new'));
    assert.deepEqual([written.status, written.exitCode, written.output], ['exited', 0, 'wrote a.txt (3 bytes)\n']);
    const moved = await run(move(written.workspaceRevision!, 'sub/b.txt', 'deep/er/c.txt', 'two'));
    assert.deepEqual([moved.status, moved.output], ['exited', 'moved sub/b.txt to deep/er/c.txt\n']);
    const deleted = await run(remove(moved.workspaceRevision!, change('a.txt', 'new', null)));
    assert.equal(deleted.status, 'exited');
    assert.deepEqual(await content(), { 'deep/er/c.txt': 'two', link: '-> a.txt' });
    assert.equal(deleted.workspaceRevision, (await workspaces.get('default')).revision);
  });

  const attacks: Record<string, { fill: Record<string, string | null>; plan: (revision: string) => FilePlan; says: RegExp }> = {
    'whose file holds something else by now': { fill: { a: 'changed' }, plan: (r) => write(r, 'a', 'shown', 'new'), says: /a is not what it was/ },
    'of a file that was not there when it was shown': { fill: { a: 'here' }, plan: (r) => write(r, 'a', null, 'new'), says: /not what it was/ },
    'of a file that is gone': { fill: {}, plan: (r) => remove(r, change('a', 'x', null)), says: /not what it was/ },
    'that would replace another file by moving': { fill: { a: 'x', b: 'mine' }, plan: (r) => move(r, 'a', 'b', 'x'), says: /b is not what it was/ },
    'that deletes a folder': { fill: { d: null, 'd/x': '1' }, plan: (r) => remove(r, change('d', null, null)), says: /not a file/ },
    'that deletes a link': { fill: { a: 'x', l: '-> a' }, plan: (r) => remove(r, change('l', null, null)), says: /not a file/ },
    'that writes through a link to a file': { fill: { a: 'x', l: '-> a' }, plan: (r) => write(r, 'l', null, 'y'), says: /not a file/ },
    'that writes below a link to a folder': { fill: { d: null, l: '-> d' }, plan: (r) => write(r, 'l/x', null, 'y'), says: /not a file/ },
    'that moves to below a link': { fill: { a: 'x', d: null, l: '-> d' }, plan: (r) => move(r, 'a', 'l/a', 'x'), says: /not a file/ },
    'that moves to below a file': { fill: { a: 'x', f: 'y' }, plan: (r) => move(r, 'a', 'f/a', 'x'), says: /not a file/ },
    'that does not fit into the workspace': { fill: {}, plan: (r) => ({ ...write(r, 'a', null, 'x'.repeat(9_000)), limits: { ...limits, workspaceBytes: 8_192 } }), says: /larger than/ },
  };
  for (const [which, { fill: entries, plan, says }] of Object.entries(attacks)) {
    test(`${which} is refused as a whole`, async () => {
      const before = await fill(entries);
      const files = await content();
      const report = await run(plan(before));
      assert.equal(report.status, 'refused');
      assert.match(report.detail ?? '', says);
      assert.deepEqual(await content(), files);
      assert.equal(report.workspaceRevision, before);
    });
  }
});

test('reading answers what each name holds, follows no link and shows text only', async () => {
  const revision = await fill({ 'a.txt': 'text', bin: '\u0000\u0001', d: null, 'd/x': 'y', l: '-> a.txt', ld: '-> d' });
  const paths = ['a.txt', 'bin', 'none', 'd', 'l', 'ld/x', 'a.txt/x', 'd/x'];
  const reply = await interlock.hub.bus('gateway', { logger }).call(workspaceRead, { conversation: 'default', paths });
  assert.equal(reply.revision, revision);
  assert.deepEqual(
    reply.files.map(({ path, state, text }) => [path, state, text]),
    [['a.txt', 'file', 'text'], ['bin', 'file', null], ['none', 'missing', null], ['d', 'unusable', null], ['l', 'unusable', null], ['ld/x', 'unusable', null], ['a.txt/x', 'unusable', null], ['d/x', 'file', 'y']],
  );
  assert.equal(reply.files[0]?.hash, sha256('text'));
  await assert.rejects(interlock.hub.bus('gateway', { logger }).call(workspaceRead, { conversation: 'default', paths: ['../etc/passwd'] }), { code: 'bad_request' });
});
