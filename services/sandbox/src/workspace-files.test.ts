import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isServiceError, type ErrorCode } from '@megabot/contracts/errors.ts';
import { packItems, type WorkspaceItem } from './workspace/items.ts';
import { openWorkspaceStore, type WorkspaceStore } from './workspace/store.ts';
import { listFiles, readFilePart } from './workspace-files.ts';

const file = (path: string, content: string): WorkspaceItem => ({ type: 'file', path, mode: 0o644, mtime: new Date(1_000), bytes: Buffer.from(content) });
const failsWith = (code: ErrorCode) => (error: unknown): boolean => isServiceError(error, code);

suite('the files of a workspace', () => {
  let folder: string;
  let workspaces: WorkspaceStore;
  const put = async (...items: WorkspaceItem[]): Promise<string> => (await workspaces.put('c', packItems(items), 2 ** 24)).revision;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'workspace-files-'));
    workspaces = await openWorkspaceStore({ root: folder });
  });
  after(async () => await rm(folder, { recursive: true }));
  const text = async (path: string, start = 0, length = 100, revision?: string): Promise<string> =>
    Buffer.from((await readFilePart(workspaces, { conversation: 'c', path, start, length, revision })).data, 'base64').toString();

  test('of a conversation that has none are none', async () => {
    assert.deepEqual((await listFiles(workspaces, { conversation: 'new', limit: 10 })).files, []);
    await assert.rejects(readFilePart(workspaces, { conversation: 'new', path: 'a', start: 0, length: 1 }), failsWith('not_found'));
  });

  test('are listed in pages that leave nothing out and give nothing twice', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `f${String(index).padStart(2, '0')}`);
    const revision = await put(...names.map((name) => file(name, name)), { type: 'symlink', path: 'link', target: 'f00', mtime: new Date(0) });
    const found: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await listFiles(workspaces, { conversation: 'c', limit: 10, ...(after === undefined ? {} : { after }) });
      assert.deepEqual([page.revision, page.entries], [revision, 26]);
      found.push(...page.files.map(({ path }) => path));
      if (!page.hasMore) break;
      after = page.files.at(-1)?.path;
    }
    assert.deepEqual(found, [...names, 'link']);
  });

  test('are read in parts; a link is not followed, and a folder is no file', async () => {
    const revision = await put(file('d/a', 'hello'), { type: 'symlink', path: 'link', target: 'd/a', mtime: new Date(0) });
    assert.deepEqual([await text('d/a'), await text('d/a', 3), await text('d/a', 9), await text('d/a', 0, 2, revision)], ['hello', 'lo', '', 'he']);
    for (const path of ['link', 'd', 'd/b', '../d/a', '/d/a', '']) await assert.rejects(text(path), failsWith('not_found'), path);
  });

  test('that changed while they were read are not mixed', async () => {
    const revision = await put(file('a', 'one'));
    await put(file('a', 'two'));
    await assert.rejects(text('a', 1, 1, revision), failsWith('conflict'));
  });
});
