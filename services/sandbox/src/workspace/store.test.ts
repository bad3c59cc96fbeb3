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
    assert.equal((await readdir(await folderOf('failing'))).length, 2);
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
});
