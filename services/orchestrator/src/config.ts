import { hostname } from 'node:os';
import { z } from 'zod';
import { logLevel, parseEnvironment, wholeNumber, type Environment } from '@megabot/config/environment.ts';
import { busVariables, permitVariables } from '@megabot/config/service-environment.ts';
import { parseServerAddress } from './model/server-address.ts';

/** Compose hands an unset variable on as an empty one; both mean that nothing is said. */
const optional = z.string().optional().transform((value) => (value === undefined || value === '' ? null : value));

const modelUrl = optional.refine((value) => {
  if (value === null) return true;
  try {
    parseServerAddress(value);
    return true;
  } catch {
    return false;
  }
}, 'must be an http:// or https:// URL without user name and password, or unix:/path/to.sock');

/** The environment of the orchestrator, parsed. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      ...busVariables,
      ...permitVariables,
      MEGABOT_MODEL_URL: modelUrl,
      MEGABOT_MODEL: optional,
      MEGABOT_MODEL_API_KEY: optional,
      MEGABOT_MODEL_IDLE_SECONDS: wholeNumber(1, 3_600).default(60),
      ORCHESTRATOR_CONCURRENCY: wholeNumber(1, 64).default(8),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    nats: { servers: values.NATS_URL, nkeySeed: values.NATS_SEED, connectDeadlineMs: 30_000 },
    model: {
      url: values.MEGABOT_MODEL_URL,
      name: values.MEGABOT_MODEL,
      apiKey: values.MEGABOT_MODEL_API_KEY,
      // In a container the machine's own model server is at this name; see the network "egress".
      defaultUrl: 'http://host.docker.internal:11434',
      idleTimeoutMs: values.MEGABOT_MODEL_IDLE_SECONDS * 1_000,
    },
    acting: { permitPublicKey: values.PERMIT_PUBLIC_KEY, instance: hostname() },
    concurrency: values.ORCHESTRATOR_CONCURRENCY,
    replica: hostname(),
    logLevel: values.LOG_LEVEL,
  };
}
