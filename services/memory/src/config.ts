import { hostname } from 'node:os';
import { logLevel, parseEnvironment, type Environment } from '@megabot/config/environment.ts';
import { busVariables, databaseOptions, databaseVariables, permitVariables } from '@megabot/config/service-environment.ts';

/** The environment of the memory service, parsed. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      ...busVariables,
      ...databaseVariables('memory'),
      ...permitVariables,
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED, connectDeadlineMs: 30_000 },
    database: databaseOptions('memory', values),
    erasing: { permitPublicKey: values.PERMIT_PUBLIC_KEY, instance: hostname() },
    logLevel: values.LOG_LEVEL,
  };
}
