import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { WorkspaceRefusedError } from './archive-entry.ts';
import { normaliseArchive } from './archive.ts';
import { readItems } from './items.ts';

/** One header as a program may write it, whatever it claims; `size` as the twelve bytes of the field. */
function header(name: string, options: { type?: string; size?: number | Buffer; link?: string; mode?: string } = {}): Buffer {
  const { type = '0', size = 0, link = '', mode = '0000644' } = options;
  const block = Buffer.alloc(512);
  block.write(name.slice(0, 100), 0, 'latin1');
  block.write(`${mode}\0`, 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  if (Buffer.isBuffer(size)) size.copy(block, 124);
  else block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link.slice(0, 100), 157, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
const padded = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
};
const end = Buffer.alloc(1024);
const file = (name: string, content: string): Buffer => Buffer.concat([header(name, { size: content.length }), padded(content)]);
/** A pax record counts its own length (POSIX pax, "extended header"). */
const pax = (records: Record<string, string>, type = 'x'): Buffer => {
  const text = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const digits = String(Buffer.byteLength(rest) + 2).length;
    return `${Buffer.byteLength(rest) + digits}${rest}`;
  }).join('');
  return Buffer.concat([header('pax', { type, size: Buffer.byteLength(text) }), padded(text)]);
};
const longName = (name: string, type: 'L' | 'K'): Buffer => Buffer.concat([header('././@LongLink', { type, size: Buffer.byteLength(name) + 1 }), padded(`${name}\0`)]);

async function normalise(bytes: Buffer, maxBytes = 2 ** 20): Promise<{ kept: string[]; omitted: string[] }> {
  const chunks: Uint8Array[] = [];
  const sink = new Writable({ write: (chunk: Uint8Array, _encoding, done) => (chunks.push(chunk), done()) });
  const { omitted } = await normaliseArchive(Readable.from([bytes]), sink, maxBytes);
  const items = await readItems(Readable.from([Buffer.concat(chunks)]));
  return { kept: items.map((item) => `${item.type} ${item.path}${item.type === 'symlink' ? ` -> ${item.target}` : ''}`), omitted: omitted.map(({ path, reason }) => `${path} ${reason}`) };
}

suite('an archive that was made to deceive', () => {
  const refused: Record<string, Buffer> = {
    'a harmless name that a pax record changes to one that climbs': Buffer.concat([pax({ path: '../../etc/cron.d/x' }), file('harmless', 'x'), end]),
    'a harmless name that a pax record makes absolute': Buffer.concat([pax({ path: '/etc/passwd' }), file('harmless', 'x'), end]),
    'a GNU long name that climbs': Buffer.concat([longName(`${'a/'.repeat(60)}../../${'../'.repeat(70)}etc/x`, 'L'), file('harmless', 'x'), end]),
    'a name below a link that came earlier': Buffer.concat([header('d', { type: '2', link: '.' }), file('d/x', 'x'), end]),
    'a name below a link that comes later': Buffer.concat([file('d/x', 'x'), header('d', { type: '2', link: '/etc' }), end]),
    'a link in place of a file that came earlier': Buffer.concat([file('f', 'x'), header('f', { type: '2', link: '/etc/passwd' }), end]),
    'a folder in place of a link': Buffer.concat([header('d', { type: '2', link: '/etc' }), header('d', { type: '5' }), file('d/x', 'x'), end]),
    'a size of many times what is allowed': Buffer.concat([header('f', { size: 2 ** 33 - 1 }), end]),
    'a size in binary of 2^62': Buffer.concat([header('f', { size: Buffer.from([0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]) }), end]),
    'a pax record with a size of many times what is allowed': Buffer.concat([pax({ size: '99999999999' }), file('f', 'x'), end]),
    'empty files whose names together fill the memory': Buffer.concat([...Array.from({ length: 2_400 }, (_, index) => Buffer.concat([pax({ path: `${`${'d'.repeat(250)}/`.repeat(14)}${index}` }), file('x', '')])), end]),
    'a broken checksum': Buffer.concat([header('f').fill('y', 0, 1), end]),
    'an end in the middle of a file': Buffer.concat([header('f', { size: 5_000 }), Buffer.alloc(1_000, 'x')]),
  };
  for (const [what, bytes] of Object.entries(refused)) {
    test(`is refused as a whole: ${what}`, async () => {
      await assert.rejects(normalise(bytes), WorkspaceRefusedError);
    });
  }

  const leadingOut: Record<string, Buffer> = {
    'a pax record that changes where a link leads': Buffer.concat([pax({ linkpath: '/etc/shadow' }), header('l', { type: '2', link: 'inside' }), end]),
    'a GNU long link': Buffer.concat([longName(`${'../'.repeat(50)}etc/shadow`, 'K'), header('l', { type: '2', link: 'inside' }), end]),
    'a hard link': Buffer.concat([header('l', { type: '1', link: '/etc/shadow' }), end]),
    'a hard link to a link': Buffer.concat([header('l', { type: '1', link: 'other' }), end]),
    'a device': Buffer.concat([header('l', { type: '3' }), end]),
    'a block device': Buffer.concat([header('l', { type: '4' }), end]),
    'a pipe': Buffer.concat([header('l', { type: '6' }), end]),
    'a type that nobody knows': Buffer.concat([header('l', { type: 'Z' }), end]),
    'a link to nothing': Buffer.concat([header('l', { type: '2', link: '' }), end]),
  };
  for (const [what, bytes] of Object.entries(leadingOut)) {
    test(`loses ${what}, and nothing of it is kept`, async () => {
      const { kept, omitted } = await normalise(bytes);
      assert.deepEqual([kept, omitted.length], [[], 1]);
    });
  }

  test('may hold links that only together lead out; none of those that do is kept', async () => {
    const chain = Buffer.concat([
      header('a', { type: '5' }), header('a/b', { type: '5' }),
      header('a/b/up', { type: '2', link: '../..' }), header('hop', { type: '2', link: 'a/b/up/..' }), header('far', { type: '2', link: 'hop/etc' }), header('fine', { type: '2', link: 'a/b' }), end,
    ]);
    const { kept, omitted } = await normalise(chain);
    assert.deepEqual(kept, ['directory a', 'directory a/b', 'symlink a/b/up -> ../..', 'symlink fine -> a/b']);
    assert.deepEqual(omitted, ['hop leads_out', 'far leads_out']);
  });

  test('names nothing by a pax record for everything that follows', async () => {
    assert.deepEqual((await normalise(Buffer.concat([pax({ path: '../x', linkpath: '/etc' }, 'g'), file('harmless', 'x'), end]))).kept, ['file harmless']);
  });

  test('keeps odd names as the letters they are', async () => {
    const names = ['-rf', 'a b', 'a\nb', '$(id)', 'a\\..\\b', 'C:evil', '%2e%2e', '\u001b[31mred', '.git', '~', '*'];
    const { kept } = await normalise(Buffer.concat([...names.map((name) => file(name, 'x')), end]));
    assert.deepEqual(kept, names.map((name) => `file ${name}`));
  });

  test('is never more than refused, whatever bytes it has', async () => {
    const good = Buffer.concat([pax({ path: 'a' }), file('f', 'hello'), header('l', { type: '2', link: 'a' }), end]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const kept = await normalise(bytes).then(({ kept }) => kept, (error: unknown) => {
          if (error instanceof WorkspaceRefusedError) return [];
          throw error;
        });
        for (const line of kept) assert.doesNotMatch(line, /^(file|directory|symlink) (\/|\.\.(\/|$))|-> \//);
      }),
      { numRuns: 300 },
    );
  });
});
