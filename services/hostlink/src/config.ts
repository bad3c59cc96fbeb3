import { z } from 'zod';
import { logLevel, parseEnvironment, type Environment } from '@megabot/config/environment.ts';

/** The environment of the relay, parsed. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment({ HOSTLINK_DIR: z.string().startsWith('/').default('/run/hostlink'), LOG_LEVEL: logLevel.default('info') }, environment);
  return { directory: values.HOSTLINK_DIR, logLevel: values.LOG_LEVEL };
}
