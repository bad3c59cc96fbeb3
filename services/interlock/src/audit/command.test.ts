import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startInterlock } from '../testing/harness.ts';
import { createAuditWriter } from '../audit.ts';
import { signHere } from './bindings.ts';
import { headIsSigned, publicKeyId } from './chain.ts';
import { auditCommand, readWitnesses } from './command.ts';

describe('megabot audit', () => {
  let it: Awaited<ReturnType<typeof startInterlock>>;
  let key: ReturnType<typeof keyPairFromSeed>;
  let folder: string;
  let exported: string;
  const lines: string[] = [];
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
    it = await startInterlock({ policy: { allow: ['ls'] } });
    key = keyPairFromSeed(it.permitSeed);
    for (let index = 0; index < 150; index++) await it.submit(`ls ${index}`, { conversation: `c${index % 3}` });
    exported = path.join(folder, 'audit.jsonl');
    const { code, out } = await run(['audit', 'export']);
    assert.equal(code, 0);
    await writeFile(exported, out);
    lines.push(...out.trimEnd().split('\n'));
  });
  after(async () => {
    await it?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function run(argv: readonly string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
    const code = await auditCommand(argv, {
      stdin: Readable.from([stdin]), stdout, stderr,
      open: async () => {
        const audit = createAuditWriter({ ...key, signEvery: 100, logger: silentLogger() });
        return { db: it.db, publicKeys: [key.publicKey], sign: async () => await signHere({ audit, db: it.db, clock: it.now }), [Symbol.asyncDispose]: async () => {} };
      },
    });
    stdout.end();
    stderr.end();
    return { code, out: (await out).join(''), err: (await err).join('') };
  }
  const offline = async (text: readonly string[], more: readonly string[] = []): Promise<{ code: number; out: string }> =>
    await run(['audit', 'verify', '--file', '-', '--public-key', key.publicKey, ...more], `${text.join('\n')}\n`);
  const place = (kind: 'entry' | 'head', seq: number): number => lines.findIndex((line) => line.includes(`{"type":"${kind}","seq":${seq},`));

  test('a key that begins with a hyphen is a key, not an option', async () => {
    const foreign = `-${key.publicKey.slice(1)}`;
    const { code } = await run(['audit', 'verify', '--file', '-', '--public-key', foreign], `${lines.join('\n')}\n`);
    assert.equal(code, foreign === key.publicKey ? 0 : 1);
  });

  test('an export verifies without any database, by key or by the name of its file', async () => {
    const keyFile = path.join(folder, 'permit_public');
    await writeFile(keyFile, `${key.publicKey}\n`);
    for (const named of [key.publicKey, keyFile]) {
      const { code, out } = await run(['audit', 'verify', '--file', exported, '--public-key', named]);
      assert.equal(code, 0, out);
      assert.match(out, new RegExp(`whole: ${lines.filter((line) => line.includes('"type":"entry"')).length} entries, signed up to entry `));
    }
  });

  test('the log in the database verifies', async () => assert.match((await run(['audit', 'verify'])).out, /^The audit log is whole: /));

  const edited = (index: number, from: string | RegExp, to: string): string[] => lines.map((line, at) => (at === index ? line.replace(from, to) : line));
  const attacks: readonly (readonly [string, () => string[], RegExp])[] = [
    ['a field was changed', () => edited(place('entry', 7), '"principal":"owner"', '"principal":"nobody"'), /entry 7: The entry was changed/],
    ['a text was changed', () => edited(place('entry', 3), '"text":"ls 0"', '"text":"ls 1"'), /entry 3: The text/],
    ['a text was erased', () => edited(place('entry', 3), /"salt":"\w+","text":"ls 0","digest":"\w+"/, '"salt":null,"text":null,"digest":null'), /entry 3: .*gone/],
    ['an entry was deleted', () => lines.toSpliced(place('entry', 20), 1), /entry 20: .*missing/],
    ['two entries changed places', () => lines.with(place('entry', 30), lines[place('entry', 31)]!).with(place('entry', 31), lines[place('entry', 30)]!), /entry 30: .*missing/],
    ['an entry stands there twice', () => lines.toSpliced(place('entry', 30), 0, lines[place('entry', 29)]!), /entry 29: .*second time/],
    ['the end was cut off', () => lines.slice(0, 120), /The end of the export is missing/],
    ['entries were cut off before the end', () => lines.toSpliced(-12, 11), /The export says that it holds/],
    ['entries were cut off, and the end adapted', () => [...lines.slice(0, place('entry', 91)), '{"type":"end","entries":90}'], /entry 90: .*not signed/],
    ['a signature was replaced', () => edited(place('head', 100), /"signature":"[^"]{10}/, '"signature":"AAAAAAAAAA'), /entry 100: The signature of the head is false/],
    ['a signed head was taken from another place', () => lines.toSpliced(place('head', 100) + 5, 0, lines[place('head', 100)]!), /entry 100: .*out of its order/],
    ['a line is nonsense', () => lines.with(50, '{"type":"entr'), /cannot be read/],
    ['something follows the end', () => [...lines, lines[0]!], /behind the end/],
  ];
  for (const [what, attack, said] of attacks) {
    test(`an export is refused where ${what}`, async () => {
      const { code, out } = await offline(attack());
      assert.equal(code, 1, out);
      assert.match(out, said);
    });
  }

  test('an export that was cut at a signed head, its end adapted, is found out by the heads in the log of the service', async () => {
    const cut = [...lines.slice(0, place('head', 100) + 1), '{"type":"end","entries":100}'];
    assert.equal((await offline(cut)).code, 0);
    const last = JSON.parse(lines.at(-2)!) as { seq: number; hash: string; at: number; signature: string };
    const logFile = path.join(folder, 'log');
    const line = { level: 30, service: 'interlock', seq: last.seq, hash: last.hash, at: last.at, headSignature: last.signature, publicKeyId: publicKeyId(key.publicKey), msg: 'audit head signed' };
    await writeFile(logFile, `interlock-1  | not an object\n{"msg":"something else"}\ninterlock-1  | ${JSON.stringify(line)}\n`);
    const { code, out } = await offline(cut, ['--heads', logFile]);
    assert.equal(code, 1);
    assert.match(out, /entry 101: .*as the log of the service shows/);
    assert.equal((await offline(lines, ['--heads', logFile])).code, 0);
    assert.match((await run(['audit', 'verify', '--heads', '-'], await readFile(logFile, 'utf8'))).out, /whole.*1 signed heads/);
  });

  test('the key of an export is given, not taken from it', async () => {
    const other = keyPairFromSeed(Buffer.alloc(32, 6).toString('base64url'));
    const { code, out } = await run(['audit', 'verify', '--file', exported, '--public-key', other.publicKey]);
    assert.equal(code, 1);
    assert.match(out, /a key that is not ours/);
    assert.equal((await run(['audit', 'verify', '--file', exported])).code, 2);
  });

  test('keys before the present one may be given behind it, also as a file of several; an end that one of them signed is none', async () => {
    const [other, third] = [6, 7].map((byte) => keyPairFromSeed(Buffer.alloc(32, byte).toString('base64url')).publicKey);
    assert.ok(other !== undefined && third !== undefined);
    const earlier = path.join(folder, 'permit_earlier');
    await writeFile(earlier, `${other}\n${key.publicKey}\n`);
    const verify = async (...keys: string[]) => await run(['audit', 'verify', '--file', exported, ...keys.flatMap((one) => ['--public-key', one])]);
    assert.equal((await verify(key.publicKey, earlier)).code, 0);
    const { code, out } = await verify(third, earlier);
    assert.equal(code, 1);
    assert.match(out, /signed by an earlier key/);
  });

  test('what is not understood does nothing and says how it is used', async () => {
    for (const argv of [[], ['audit'], ['audit', 'delete'], ['verify'], ['audit', 'verify', 'now'], ['audit', 'export', '--file', 'x'], ['audit', 'verify', '--force']]) {
      const { code, out, err } = await run(argv);
      assert.deepEqual([code, out, err.slice(0, 6)], [2, '', 'usage:'], argv.join(' '));
    }
  });
});

test('the line in the log of a running service is not masked, and is read back as a witness', async () => {
  const source = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    const { createAuditWriter } = await import(${source('../audit.ts')});
    const { signHead } = await import(${source('chain.ts')});
    const { keyPairFromSeed } = await import(${JSON.stringify(import.meta.resolve('@megabot/crypto/ed25519.ts'))});
    const { createLogger } = await import(${JSON.stringify(import.meta.resolve('@megabot/observability/logger.ts'))});
    const key = keyPairFromSeed('${Buffer.alloc(32, 5).toString('base64url')}');
    createAuditWriter({ ...key, signEvery: 1, logger: createLogger('interlock', 'info') }).announce(signHead(key.privateKey, key.publicKey, { seq: 7, hash: 'h', at: 9 }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]);
  const { publicKey } = keyPairFromSeed(Buffer.alloc(32, 5).toString('base64url'));
  assert.equal((JSON.parse(stdout) as { publicKeyId: string }).publicKeyId, publicKeyId(publicKey));
  const [witness] = await readWitnesses(Readable.from(stdout.split('\n')));
  assert.deepEqual([witness?.seq, witness?.hash, witness?.at], [7, 'h', 9]);
  assert.ok(witness && headIsSigned([publicKey], witness));
});
