import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { pack, type Header } from 'tar-stream';
import { emptyRevision, leadsOut, WorkspaceRefusedError } from './archive-entry.ts';
import { normaliseArchive, type ArchiveSummary } from './archive.ts';
import { packItems, readItems, type WorkspaceItem } from './items.ts';

type Raw = Partial<Header> & { readonly name: string; readonly content?: string };

function tarOf(entries: readonly Raw[]): Readable {
  const output = pack();
  for (const { content, ...header } of entries) {
    if (header.type === undefined || header.type === 'file') output.entry(header, content ?? '');
    else output.entry(header);
  }
  output.finalize();
  return Readable.from(output, { objectMode: false });
}

async function normalise(source: Readable, maxBytes = 2 ** 20): Promise<ArchiveSummary & { readonly tar: Buffer }> {
  const chunks: Uint8Array[] = [];
  const sink = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { ...(await normaliseArchive(source, sink, maxBytes)), tar: Buffer.concat(chunks) };
}

const pathsOf = async (tar: Buffer): Promise<string[]> => (await readItems(Readable.from([tar]))).map((item) => item.path);

suite('an archive on its way into the store', () => {
  const refused: readonly (readonly [string, readonly Raw[], string])[] = [
    ['an absolute name', [{ name: '/etc/passwd', content: 'x' }], 'unsafe_name'],
    ['a name that climbs', [{ name: 'a/../../b', content: 'x' }], 'unsafe_name'],
    ['a name that is ..', [{ name: '..', type: 'directory' }], 'unsafe_name'],
    ['a name longer than Linux takes', [{ name: 'n'.repeat(256), content: 'x' }], 'unsafe_name'],
    ['a file below a link', [{ name: 'l', type: 'symlink', linkname: 'd' }, { name: 'l/f', content: 'x' }], 'unsafe_name'],
    ['a file below a file', [{ name: 'f', content: 'x' }, { name: 'f/g', content: 'x' }], 'unsafe_name'],
    ['a link in place of a folder', [{ name: 'd/f', content: 'x' }, { name: 'd', type: 'symlink', linkname: '.' }], 'malformed'],
    ['a name that comes twice', [{ name: 'f', content: 'x' }, { name: './f', content: 'y' }], 'malformed'],
    ['more than it may hold', [{ name: 'f', content: 'x'.repeat(2 ** 20 + 1) }], 'too_large'],
    ['more than it may hold, in small files', Array.from({ length: 257 }, (_, index) => ({ name: `f${index}`, content: 'x' })), 'too_large'],
  ];
  for (const [what, entries, code] of refused) {
    test(`is refused for ${what}`, async () => {
      await assert.rejects(normalise(tarOf(entries)), (error) => error instanceof WorkspaceRefusedError && error.code === code);
    });
  }

  for (const [what, bytes] of [['no tar at all', Buffer.alloc(1024, 'x')], ['a tar that ends early', 'half']] as const) {
    test(`is refused when it is ${what}`, async () => {
      const whole = (await normalise(tarOf([{ name: 'f', content: 'x'.repeat(5000) }]))).tar;
      const source = Readable.from([bytes === 'half' ? whole.subarray(0, 2000) : bytes]);
      await assert.rejects(normalise(source), (error) => error instanceof WorkspaceRefusedError && error.code === 'malformed');
    });
  }

  test('loses devices, pipes, hard links and links that lead out, which are named, and keeps the rest', async () => {
    const result = await normalise(
      tarOf([
        { name: 'device', type: 'character-device', devmajor: 1, devminor: 3 },
        { name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 },
        { name: 'pipe', type: 'fifo' },
        { name: 'hard', type: 'link', linkname: 'file' },
        { name: 'passwd', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'up', type: 'symlink', linkname: '../x' },
        { name: 'file', content: 'x' },
        { name: 'inside', type: 'symlink', linkname: 'file' },
      ]),
    );
    assert.deepEqual(result.omitted.map((entry) => `${entry.path} ${entry.reason}`), [
      'device special_file', 'disk special_file', 'pipe special_file', 'hard special_file', 'passwd leads_out', 'up leads_out',
    ]);
    assert.deepEqual(await pathsOf(result.tar), ['file', 'inside']);
  });

  test('loses owners and setuid bits', async () => {
    const { tar } = await normalise(tarOf([{ name: 'f', content: 'x', mode: 0o6755, uid: 1, gid: 2, uname: 'root' }]));
    const [item] = await readItems(Readable.from([tar]));
    assert.ok(item?.type === 'file');
    assert.equal(item.mode, 0o755);
    assert.equal(tar.subarray(108, 124).toString().replaceAll(/[\0 ]/g, ''), '000000000000');
  });

  test('has its links last, after the folders and files, and every folder before what is in it', async () => {
    const { tar } = await normalise(tarOf([{ name: 'l', type: 'symlink', linkname: 'a/b/f' }, { name: 'a/b/f', content: 'x' }]));
    assert.deepEqual(await pathsOf(tar), ['a', 'a/b', 'a/b/f', 'l']);
  });

  test('has a revision of its content: neither times, owners nor order matter; bytes, modes, types and names do', async () => {
    const base: readonly Raw[] = [{ name: 'd', type: 'directory', mode: 0o755 }, { name: 'd/f', content: 'x', mode: 0o644 }, { name: 'g', content: 'y', mode: 0o644 }];
    const revision = async (entries: readonly Raw[]): Promise<string> => (await normalise(tarOf(entries))).revision;
    const original = await revision(base);
    assert.equal(await revision(base.map((entry) => ({ ...entry, mtime: new Date(1e12), uid: 7, gid: 7 }))), original);
    assert.equal(await revision([{ name: 'g', content: 'y', mode: 0o644 }, { name: './d/f', content: 'x', mode: 0o644 }]), original);
    assert.notEqual(await revision([{ name: 'd/f', content: 'X', mode: 0o644 }, { name: 'g', content: 'y', mode: 0o644 }]), original);
    assert.notEqual(await revision([{ name: 'd/f', content: 'x', mode: 0o755 }, { name: 'g', content: 'y', mode: 0o644 }]), original);
    assert.notEqual(await revision([{ name: 'd/f', content: 'x', mode: 0o644 }, { name: 'h', content: 'y', mode: 0o644 }]), original);
  });

  test('nothing has the revision of nothing', async () => {
    assert.equal((await normalise(tarOf([]))).revision, emptyRevision);
    assert.equal(emptyRevision, 'ba49d50fa35a4878222dd11d769e67a8241a7d0cf1ff809e5a281d5f4799b242');
  });

  test('is the same after another round', async () => {
    const name = fc.stringMatching(/^[a-zé🦊 ]{1,60}$/u).filter((word) => word.trim() !== '' && word !== '.' && word !== '..');
    const files = fc.dictionary(fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')), fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0o644, 0o755, 0o400)), { maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(files, async (wanted) => {
        const paths = Object.keys(wanted).filter((path) => !Object.keys(wanted).some((other) => other.startsWith(`${path}/`)));
        const items: WorkspaceItem[] = paths.map((path) => ({ type: 'file', path, mode: wanted[path]?.[1] ?? 0o644, mtime: new Date(0), bytes: wanted[path]?.[0] ?? new Uint8Array() }));
        const first = await normalise(packItems(items));
        const second = await normalise(Readable.from([first.tar]));
        assert.equal(second.revision, first.revision);
        assert.deepEqual(second.omitted, []);
      }),
      { numRuns: 30 },
    );
  });
});

suite('a link in a workspace', () => {
  const table: readonly (readonly [Readonly<Record<string, string>>, string, boolean])[] = [
    [{ l: 'file' }, 'l', false],
    [{ l: '/workspace/file' }, 'l', true],
    [{ l: '..' }, 'l', true],
    [{ 'a/l': '..' }, 'a/l', false],
    [{ 'a/l': '../..' }, 'a/l', true],
    [{ l: 'a/../../x' }, 'l', true],
    [{ 'a/b/root': '../..', l: 'a/b/root/../x' }, 'l', true],
    [{ 'a/b/root': '../..', l: 'a/b/root/x' }, 'l', false],
    [{ one: '/etc', two: 'one/passwd' }, 'two', true],
    [{ one: 'two', two: 'one' }, 'one', false],
    [{ l: 'missing/../file' }, 'l', false],
  ];
  for (const [links, path, out] of table) {
    test(`${path} in ${JSON.stringify(links)} ${out ? 'leads out' : 'stays inside'}`, () => {
      assert.equal(leadsOut(path, new Map(Object.entries(links))), out);
    });
  }
});
