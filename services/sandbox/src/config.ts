import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { sandboxImage } from './driver/run-rules.ts';
import { logLevel, parseEnvironment, wholeNumber, type Environment } from '@megabot/config/environment.ts';
import { busVariables, permitVariables } from '@megabot/config/service-environment.ts';

/** Names of images with a tag or a digest: what `latest` means changes behind everybody's back. */
const images = z
  .string()
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((image) => image !== ''))
  .refine((list) => list.every((image) => /^[a-z0-9][a-z0-9._/-]{0,200}(:[0-9]{1,5}\/[a-z0-9._/-]{1,200})?(:(?!latest$)[\w.-]{1,128}|@sha256:[0-9a-f]{64})$/.test(image)), 'must be images with a tag other than latest, or a digest, separated by commas');

/** The environment of the sandbox, parsed. `instance` outlives a restart of the container: its own leftovers are known by it. */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      ...busVariables,
      ...permitVariables,
      SANDBOX_DRIVER: z.enum(['docker', 'just-bash']).default('docker'),
      SANDBOX_PROJECT: z.string().regex(/^[a-z0-9_-]{1,63}$/).default('megabot'),
      SANDBOX_WORKSPACES: z.string().min(1),
      SANDBOX_CONCURRENCY: wholeNumber(1, 64).default(8),
      SANDBOX_SOCKET: z.string().default('/var/run/docker.sock'),
      /** `auto`, or the name of an OCI runtime that the engine has. */
      SANDBOX_RUNTIME: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/).default('auto'),
      /** Sandboxes that wait for a command: so many always, so many at most. 0 and 0: none. */
      SANDBOX_POOL_MIN: wholeNumber(0, 64).default(2),
      SANDBOX_POOL_MAX: wholeNumber(0, 64).default(8),
      /** Images that commands may run in, beside our own. They must be on the engine: a run never pulls. */
      SANDBOX_IMAGES: images,
      /** Unix socket of the egress proxy; without one, no command gets network. */
      SANDBOX_EGRESS: z.string().default(''),
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
    runtime: values.SANDBOX_RUNTIME,
    pool: { min: Math.min(values.SANDBOX_POOL_MIN, values.SANDBOX_POOL_MAX), max: values.SANDBOX_POOL_MAX },
    stateFolder: join(values.SANDBOX_WORKSPACES, 'replicas'),
    allowedImages: [...new Set([sandboxImage, ...values.SANDBOX_IMAGES])],
    egressSocket: values.SANDBOX_EGRESS,
    logLevel: values.LOG_LEVEL,
    instance: hostname(),
  };
}
