import { hostname } from 'node:os';
import { z } from 'zod';
import { logLevel, parseEnvironment, port, type Environment } from '@megabot/config/environment.ts';

/** The environment of the memory service, parsed. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      NATS_URL: z.string().min(1),
      NATS_SEED: z.string().min(1),
      DATABASE_HOST: z.string().min(1),
      DATABASE_PORT: port.default(5432),
      DATABASE_USER: z.string().min(1).default('megabot_memory'),
      DATABASE_NAME: z.string().min(1).default('megabot'),
      DATABASE_PASSWORD: z.string().min(1),
      PERMIT_PUBLIC_KEY: z.string().min(40),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED, connectDeadlineMs: 30_000 },
    database: {
      host: values.DATABASE_HOST,
      port: values.DATABASE_PORT,
      user: values.DATABASE_USER,
      database: values.DATABASE_NAME,
      password: values.DATABASE_PASSWORD,
      poolSize: 8,
      statementTimeoutMs: 10_000,
      applicationName: `memory@${hostname()}`,
    },
    erasing: { permitPublicKey: values.PERMIT_PUBLIC_KEY, instance: hostname() },
    logLevel: values.LOG_LEVEL,
  };
}
