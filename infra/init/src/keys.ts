import { randomBytes } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';
import { openSecretFiles } from '@megabot/config/secret-files.ts';
import { renderNatsUsers } from '@megabot/contracts/permissions.ts';
import { serviceNames } from '@megabot/contracts/services.ts';
import { generateSecret, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';

const natsUsers = [...serviceNames, 'init'] as const;
type NatsUser = (typeof natsUsers)[number];

/** Makes whatever secret of the stack is missing in `directory`, and returns the names of the files it wrote. */
export async function ensureKeys(directory: string): Promise<readonly string[]> {
  const files = await openSecretFiles(directory);
  await files.ensure('auth_token', generateSecret);
  await files.ensure('ws_password', generateSecret);
  await files.ensure('ws_salt', () => randomBytes(16).toString('base64url'));
  for (const database of ['db_admin', 'db_memory', 'db_interlock']) await files.ensure(database, generateSecret);
  await files.derive('origin_public', keyPairFromSeed(await files.ensure('origin_seed', generateSecret)).publicKey);
  // What an earlier permit key signed of the audit log has to verify for as long as the log is kept.
  await files.deriveKeeping('permit_public', keyPairFromSeed(await files.ensure('permit_seed', generateSecret)).publicKey, 'permit_earlier');
  const publicKeys = {} as Record<NatsUser, string>;
  for (const user of natsUsers) {
    const seed = await files.ensure(`nats_${user}`, () => new TextDecoder().decode(nkeys.createUser().getSeed()));
    publicKeys[user] = nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  }
  await files.derive('nats/users.conf', renderNatsUsers(publicKeys).trimEnd());
  return files.made;
}
