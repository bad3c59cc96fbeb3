import { hostname } from 'node:os';
import { z } from 'zod';
import { logLevel, parseEnvironment, wholeNumber, type Environment } from '@megabot/config/environment.ts';

/** The environment of the sandbox, parsed. `instance` outlives a restart of the container: its own leftovers are known by it. */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      NATS_URL: z.string().min(1),
      NATS_SEED: z.string().min(1),
      PERMIT_PUBLIC_KEY: z.string().min(40),
      SANDBOX_DRIVER: z.enum(['docker', 'just-bash']).default('docker'),
      SANDBOX_PROJECT: z.string().regex(/^[a-z0-9_-]{1,63}$/).default('megabot'),
      SANDBOX_WORKSPACES: z.string().min(1),
      SANDBOX_CONCURRENCY: wholeNumber(1, 64).default(4),
      SANDBOX_SOCKET: z.string().default('/var/run/docker.sock'),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED },
    permitPublicKey: values.PERMIT_PUBLIC_KEY,
    driver: values.SANDBOX_DRIVER,
    project: values.SANDBOX_PROJECT,
    workspaces: values.SANDBOX_WORKSPACES,
    concurrency: values.SANDBOX_CONCURRENCY,
    socketPath: values.SANDBOX_SOCKET,
    logLevel: values.LOG_LEVEL,
    instance: hostname(),
  };
}
