import { hkdfSync, createHmac } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSecret, keyPairFromSeed, type SigningKeyPair } from '@megabot/crypto/ed25519.ts';
import { fernetKeyFromBytes, openFernet, sealFernet, type FernetKey } from '@megabot/crypto/fernet.ts';
import { z } from 'zod';
import { LinkFailure, refused } from './failure.ts';
import { deviceIdOf } from './signature.ts';

/** Who we are at the gateway: a key pair that stays, and the token the gateway gave to it. */
export interface OpenClawIdentity {
  readonly keys: SigningKeyPair;
  readonly deviceId: string;
  /** Whether the identity file was readable by others and has been closed again. */
  readonly wasOpen: boolean;
  /** The device token kept for this gateway, with a mark of the shared token it was paired by. Undefined where there is none that opens. */
  deviceToken(url: string): Promise<KeptToken | undefined>;
  keepDeviceToken(kept: KeptToken & { url: string }): Promise<void>;
  /** Tells one shared token from another without keeping either. */
  markOf(sharedToken: string): string;
}

export interface KeptToken {
  readonly deviceToken: string;
  readonly pairedBy: string;
}

const Kept = z.object({ url: z.string(), deviceToken: z.string(), pairedBy: z.string() });
const hundredYearsSeconds = 3_155_760_000;

/**
 * Opens, or makes, the identity in `directory` (0700, files 0600). The device token is sealed with a key derived (HKDF-SHA256,
 * RFC 5869) from the installation's state secret, so a copy of the volume alone opens nothing.
 * @throws LinkFailure, final, where the identity is there but cannot be read: a new one would be another device.
 */
export async function openIdentity(directory: string, stateSecret: string): Promise<OpenClawIdentity> {
  const seedFile = join(directory, 'identity.key');
  const tokenFile = join(directory, 'device-token');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const wasOpen = await closeToOthers(seedFile);
    const seed = (await readIfPresent(seedFile)) ?? (await makeSeed(seedFile));
    const keys = keyPairFromSeed(seed);
    const deviceId = deviceIdOf(keys.publicKey);
    const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', stateSecret, deviceId, `megabot/openclaw/${purpose}/v1`, 32));
    const sealing = fernetKeyFromBytes(derive('device-token'));
    const marking = derive('pairing-mark');
    return {
      keys, deviceId, wasOpen,
      async deviceToken(url) {
        const kept = openKept(sealing, await readIfPresent(tokenFile));
        return kept?.url === url ? { deviceToken: kept.deviceToken, pairedBy: kept.pairedBy } : undefined;
      },
      async keepDeviceToken(kept) {
        await writeWhole(tokenFile, sealFernet(sealing, Buffer.from(JSON.stringify(Kept.parse(kept)), 'utf8')));
      },
      markOf: (sharedToken) => createHmac('sha256', marking).update(sharedToken).digest('base64url'),
    };
  } catch (cause) {
    if (cause instanceof LinkFailure) throw cause;
    throw refused('identity_unreadable', 'The identity of the OpenClaw bridge cannot be read or written.', `Make ${directory} writable for MegaBot, or empty it to pair anew as another device.`, cause);
  }
}

async function makeSeed(file: string): Promise<string> {
  const seed = generateSecret();
  await writeWhole(file, seed);
  return seed;
}

function openKept(key: FernetKey, sealed: string | undefined): z.infer<typeof Kept> | undefined {
  if (sealed === undefined) return undefined;
  try {
    const plain = openFernet(key, sealed, { maxAgeSeconds: hundredYearsSeconds, maxSkewSeconds: hundredYearsSeconds });
    return Kept.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
  } catch {
    // Sealed under another state secret, or damaged: as good as none, and pairing again is the mend.
    return undefined;
  }
}

async function closeToOthers(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (!found || (found.mode & 0o077) === 0) return false;
  await chmod(file, 0o600);
  return true;
}

/** A crash leaves the earlier file or the whole new one. */
async function writeWhole(file: string, value: string): Promise<void> {
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${value}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
