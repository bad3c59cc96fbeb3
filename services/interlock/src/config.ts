import { hostname } from 'node:os';
import { z } from 'zod';
import { logLevel, parseEnvironment, port, wholeNumber, type Environment } from '@megabot/config/environment.ts';

const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in unpadded base64url');

/** The environment of the interlock, parsed. Each name may also be given as `NAME_FILE`. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      MEGABOT_CONFIG_DIR: z.string().min(1),
      NATS_URL: z.string().min(1),
      NATS_SEED: z.string().min(1),
      DATABASE_HOST: z.string().min(1),
      DATABASE_PORT: port.default(5432),
      DATABASE_USER: z.string().min(1).default('megabot_interlock'),
      DATABASE_NAME: z.string().min(1).default('megabot'),
      DATABASE_PASSWORD: z.string().min(1),
      PERMIT_SEED: key,
      ORIGIN_PUBLIC_KEY: key,
      // Entries of the audit log between two signatures under it.
      AUDIT_SIGN_EVERY: wholeNumber(1, 99_999).default(100),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED },
    database: {
      host: values.DATABASE_HOST,
      port: values.DATABASE_PORT,
      user: values.DATABASE_USER,
      database: values.DATABASE_NAME,
      password: values.DATABASE_PASSWORD,
      poolSize: 8,
      statementTimeoutMs: 10_000,
      applicationName: `interlock@${hostname()}`,
    },
    interlock: { configDir: values.MEGABOT_CONFIG_DIR, permitSeed: values.PERMIT_SEED, originPublicKey: values.ORIGIN_PUBLIC_KEY, limits: { auditSignEvery: values.AUDIT_SIGN_EVERY } },
    logLevel: values.LOG_LEVEL,
  };
}
