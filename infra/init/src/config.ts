import { z } from 'zod';
import { logLevel, parseEnvironment, port, type Environment } from '@megabot/config/environment.ts';

/** The environment of the one-shot job, parsed. It alone holds the administrator's password. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  return parseEnvironment(
    {
      NATS_URL: z.string().min(1),
      NATS_SEED: z.string().min(1),
      DATABASE_HOST: z.string().min(1),
      DATABASE_PORT: port.default(5432),
      DATABASE_NAME: z.string().min(1),
      DATABASE_USER: z.string().min(1),
      DATABASE_PASSWORD: z.string().min(1),
      DATABASE_PASSWORD_MEMORY: z.string().min(1),
      DATABASE_PASSWORD_INTERLOCK: z.string().min(1),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
}

export type InitConfig = ReturnType<typeof readConfig>;
