import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { emptyRevision, WorkspaceRefusedError } from './archive-entry.ts';
import { packItems, readItems, type WorkspaceItem } from './items.ts';
import { openWorkspaceStore, type WorkspaceStore } from './store.ts';

const file = (path: string, content: string): WorkspaceItem => ({ type: 'file', path, mode: 0o644, mtime: new Date(0), bytes: Buffer.from(content) });
const maxBytes = 2 ** 20;
const refusedWith = (code: string) => (error: unknown) => error instanceof WorkspaceRefusedError && error.code === code;

suite('the store of workspaces', () => {
  let root: string;
  let store: WorkspaceStore;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'megabot-store-'));
    store = await openWorkspaceStore({ root });
  });
  after(async () => {
    await rm(root, { recursive: true });
  });
  const put = async (conversation: string, ...items: WorkspaceItem[]) => await store.put(conversation, packItems(items), maxBytes);
  const contentOf = async (conversation: string): Promise<string> => {
    const tar = (await store.get(conversation)).readTar();
    return tar ? (await readItems(tar)).map((item) => `${item.path}=${item.type === 'file' ? Buffer.from(item.bytes).toString() : item.type}`).join(' ') : '';
  };
  const folderOf = async (conversation: string): Promise<string> => {
    for (const name of await readdir(root)) {
      const text = await readFile(join(root, name, 'workspace.json'), 'utf8').catch(() => '');
      if (text.includes(JSON.stringify(conversation))) return join(root, name);
    }
    assert.fail('the conversation has no folder');
  };

  test('a conversation that has none has an empty workspace', async () => {
    const handle = await store.get('unknown');
    assert.deepEqual([handle.revision, handle.bytes, handle.readTar()], [emptyRevision, 0, null]);
  });

  test('keeps what was put, over a restart', async () => {
    const { revision, changed } = await put('kept', file('a', 'one'), file('b', 'two'));
    assert.equal(changed, true);
    const reopened = await openWorkspaceStore({ root });
    assert.equal((await reopened.get('kept')).revision, revision);
    assert.equal(await contentOf('kept'), 'a=one b=two');
  });

  test('says whether a put changed anything, and an emptied workspace is the empty one', async () => {
    await put('changes', file('a', 'one'));
    assert.equal((await put('changes', file('a', 'one'))).changed, false);
    assert.equal((await put('changes', file('a', 'two'))).changed, true);
    assert.equal((await put('changes')).revision, emptyRevision);
    assert.equal((await store.get('changes')).readTar(), null);
  });

  for (const name of ['../../etc', '/etc/passwd', 'a/b', '.', '', 'é🦊', 'x'.repeat(5000)]) {
    test(`no conversation id is a path: ${JSON.stringify(name.slice(0, 20))}`, async () => {
      await put(name, file('a', name));
      assert.equal(await contentOf(name), `a=${name}`);
      for (const folder of await readdir(root)) assert.match(folder, /^[0-9a-f]{64}$/);
    });
  }

  test('a put that fails in the middle leaves the workspace as it was, and no file behind', async () => {
    const { revision } = await put('failing', file('a', 'one'));
    const whole = await buffer(packItems([file('b', 'x'.repeat(100_000))]));
    const broken = Readable.from((async function* () {
      yield whole.subarray(0, 50_000);
      throw new Error('the container died');
    })());
    await assert.rejects(store.put('failing', broken, maxBytes), /the container died/);
    await assert.rejects(store.put('failing', Readable.from([whole.subarray(0, 50_000)]), maxBytes), refusedWith('malformed'));
    await assert.rejects(store.put('failing', packItems([file('big', 'x'.repeat(maxBytes + 1))]), maxBytes), refusedWith('too_large'));
    assert.equal((await store.get('failing')).revision, revision);
    assert.equal(await contentOf('failing'), 'a=one');
    assert.deepEqual((await readdir(await folderOf('failing'))).map((name) => name.split('-')[0] ?? '').sort((a, b) => a.localeCompare(b)), ['content', 'manifest', 'workspace.json']);
  });

  test('a put on another base than the stored one is refused, also when both come at once', async () => {
    const { revision } = await put('conflict', file('a', 'one'));
    const results = await Promise.allSettled(['two', 'three'].map(async (word) => await store.put('conflict', packItems([file('a', word)]), maxBytes, revision)));
    assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const lost = results.find((result) => result.status === 'rejected');
    assert.ok(refusedWith('conflict')(lost?.reason));
  });

  test('keeps one content file, and removes what a crash left once it is old', async () => {
    await put('strays', file('a', 'one'));
    const folder = await folderOf('strays');
    await writeFile(join(folder, 'content-00.tar'), 'left by a crash');
    await writeFile(join(folder, 'content-11.tar'), 'being written by another process');
    await utimes(join(folder, 'content-00.tar'), new Date(0), new Date(0));
    await put('strays', file('a', 'two'));
    const names = await readdir(folder);
    assert.equal(names.includes('content-00.tar'), false);
    assert.equal(names.includes('content-11.tar'), true);
    assert.equal(await contentOf('strays'), 'a=two');
  });

  test('content or metadata that is not what was stored is refused', async () => {
    await put('corrupt', file('a', 'one'));
    const folder = await folderOf('corrupt');
    const name = (await readdir(folder)).find((one) => one.startsWith('content-')) ?? '';
    const bytes = await readFile(join(folder, name));
    bytes[600] = 0x21;
    await writeFile(join(folder, name), bytes);
    await assert.rejects(contentOf('corrupt'), refusedWith('corrupt'));
    await writeFile(join(folder, 'workspace.json'), '{"version":1');
    await assert.rejects(store.get('corrupt'), refusedWith('corrupt'));
  });

  test('a deleted workspace is empty, and deleting it again is no error', async () => {
    await put('deleted', file('a', 'one'));
    await store.delete('deleted');
    await store.delete('deleted');
    assert.equal((await store.get('deleted')).revision, emptyRevision);
  });

  test('is listed without being read, and a part of a file is read without the rest', async () => {
    await store.put('listed', packItems([file('a/b.txt', '0123456789'), file('c', 'x'.repeat(5000))]), maxBytes);
    const workspace = await store.get('listed');
    const manifest = await workspace.manifest();
    assert.deepEqual(manifest.map((entry) => [entry.path, entry.type, entry.type === 'file' ? entry.size : null]), [['a', 'directory', null], ['a/b.txt', 'file', 10], ['c', 'file', 5000]]);
    const text = async (path: string, start: number, length: number): Promise<string | undefined> => {
      const bytes = await workspace.readRange(path, start, length);
      return bytes && Buffer.from(bytes).toString();
    };
    assert.deepEqual([await text('a/b.txt', 3, 4), await text('a/b.txt', 8, 100), await text('a/b.txt', 50, 1)], ['3456', '89', '']);
    for (const path of ['a', 'nothing', '', '../c', '/c', 'a/../c']) assert.equal(await text(path, 0, 1), undefined, path);
    await put('listed', file('c', 'new'));
    assert.equal(await text('c', 0, 1), undefined);
  });

  test('says what a put changed, added and removed', async () => {
    const first = await store.put('changes', packItems([file('same', '1'), file('changed', '1'), file('removed', '12')]), maxBytes);
    assert.deepEqual([first.changes.total, first.changes.files.every(({ change }) => change === 'added')], [3, true]);
    const link: WorkspaceItem = { type: 'symlink', path: 'link', target: 'same', mtime: new Date(0) };
    const second = await store.put('changes', packItems([file('same', '1'), file('changed', '2222'), link]), maxBytes);
    assert.deepEqual(second.changes, { total: 3, files: [{ path: 'changed', size: 4, change: 'changed' }, { path: 'link', size: 0, change: 'added' }, { path: 'removed', size: 2, change: 'removed' }] });
    const again = await store.put('changes', packItems([file('same', '1'), file('changed', '2222'), link]), maxBytes);
    assert.deepEqual([again.changed, again.changes.total], [false, 0]);
    const commit = await store.put('changes', packItems([file('.git/HEAD', '1'), file('z', '1')]), maxBytes);
    assert.deepEqual(commit.changes.files.map(({ path }) => path), ['changed', 'link', 'same', 'z', '.git/HEAD']);
    const many = await store.put('changes', packItems(Array.from({ length: 200 }, (_, index) => file(`f${index}`, 'x'))), maxBytes);
    assert.deepEqual([many.changes.total, many.changes.files.length], [202, 100]);
  });

  test('makes its list again where there is none, or one that cannot be read', async () => {
    await put('older', file('a', 'one'));
    const folder = await folderOf('older');
    const listed = await (await store.get('older')).manifest();
    const name = (await readdir(folder)).find((one) => one.startsWith('manifest-')) ?? '';
    await writeFile(join(folder, name), '[{"type":"file"');
    assert.deepEqual(await (await store.get('older')).manifest(), listed);
    const metadata = JSON.parse(await readFile(join(folder, 'workspace.json'), 'utf8')) as Record<string, unknown>;
    delete metadata['manifest'];
    await writeFile(join(folder, 'workspace.json'), JSON.stringify(metadata));
    assert.deepEqual(await (await store.get('older')).manifest(), listed);
    assert.deepEqual((await store.put('older', packItems([file('a', 'two')]), maxBytes)).changes.files, [{ path: 'a', size: 3, change: 'changed' }]);
  });
});
