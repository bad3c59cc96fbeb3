import { z } from 'zod';
import { logLevel, parseEnvironment, wholeNumber, type Environment } from '@megabot/config/environment.ts';
import { busVariables, databaseOptions, databaseVariables } from '@megabot/config/service-environment.ts';

const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in unpadded base64url');

/** The environment of the interlock, parsed. Each name may also be given as `NAME_FILE`. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      MEGABOT_CONFIG_DIR: z.string().min(1),
      ...busVariables,
      ...databaseVariables('interlock'),
      PERMIT_SEED: key,
      // One a line: what these signed of the audit log still counts.
      PERMIT_EARLIER_KEYS: z.string().default('').transform((text) => text.split(/\s+/).filter((one) => one !== '')).refine((keys) => keys.every((one) => key.safeParse(one).success), 'must be public keys, each 32 bytes in unpadded base64url'),
      ORIGIN_PUBLIC_KEY: key,
      // Entries of the audit log between two signatures under it.
      AUDIT_SIGN_EVERY: wholeNumber(1, 99_999).default(100),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED },
    database: databaseOptions('interlock', values),
    interlock: { configDir: values.MEGABOT_CONFIG_DIR, permitSeed: values.PERMIT_SEED, earlierPublicKeys: values.PERMIT_EARLIER_KEYS, originPublicKey: values.ORIGIN_PUBLIC_KEY, limits: { auditSignEvery: values.AUDIT_SIGN_EVERY } },
    logLevel: values.LOG_LEVEL,
  };
}
