import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { WorkspaceRefusedError } from './archive-entry.ts';
import { packItems, type WorkspaceItem } from './items.ts';
import { openWorkspaceStore, type WorkspaceStore } from './store.ts';
import { writeFiles } from './write-files.ts';

const maxBytes = 2 ** 20;
const entry = { mode: 0o755, mtime: new Date(0) };
const stored: readonly WorkspaceItem[] = [{ ...entry, type: 'directory', path: 'folder' }, { ...entry, type: 'symlink', path: 'up', target: 'folder' }];

suite('writing files into a stored workspace', () => {
  let root: string;
  let store: WorkspaceStore;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'megabot-write-'));
    store = await openWorkspaceStore({ root });
    await store.put('refused', packItems(stored), maxBytes);
  });
  after(async () => {
    await rm(root, { recursive: true });
  });
  const refuses = async (code: string, path: string, bytes: Uint8Array): Promise<void> => {
    const workspace = await store.get('refused');
    await assert.rejects(writeFiles(store, workspace, [{ path, bytes }], maxBytes), (error: unknown) => error instanceof WorkspaceRefusedError && error.code === code);
    assert.equal((await store.get('refused')).revision, workspace.revision);
  };

  for (const path of ['../out', '/etc/passwd', 'a/../../out', '/workspace/../out', 'a\0b', '', '/workspace', 'folder/', 'up/file', 'up', 'folder']) {
    test(`refuses ${JSON.stringify(path)} and leaves the workspace as it was`, async () => {
      await refuses('unsafe_name', path, Buffer.from('x'));
    });
  }

  test('refuses more than the workspace may hold, and leaves it as it was', async () => {
    await refuses('too_large', 'big', Buffer.alloc(2 ** 21));
  });
});
