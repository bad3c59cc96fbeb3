import { randomBytes } from 'node:crypto';
import { openSecretFiles } from '@megabot/config/secret-files.ts';
import { generateSecret, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import type { StandaloneConfig } from './config.ts';

/** The secrets of this installation: what the environment gives is used as it is and written nowhere. */
export async function openSecrets(config: StandaloneConfig) {
  const files = await openSecretFiles(config.folders.secrets);
  const permitSeed = await files.ensure('permit_seed', generateSecret);
  return {
    token: config.token ?? (await files.ensure('auth_token', generateSecret)),
    wsPassword: config.wsPassword ?? (await files.ensure('ws_password', generateSecret)),
    wsSalt: await files.ensure('ws_salt', () => randomBytes(16).toString('base64url')),
    originSeed: await files.ensure('origin_seed', generateSecret),
    permitSeed,
    earlierPermitKeys: await files.deriveKeeping('permit_public', keyPairFromSeed(permitSeed).publicKey, 'permit_earlier'),
  };
}
