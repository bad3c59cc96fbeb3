import { runMain } from '@megabot/config/start.ts';
import { createSignInCode, signInLink } from '@megabot/gateway/sign-in-code.ts';
import { terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { createStandalone } from './app.ts';
import { readConfig } from './config.ts';
import { greeting } from './greeting.ts';

await runMain('MegaBot', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('standalone', config.logLevel);
  const stopped = terminationSignal();
  const standalone = await createStandalone(config, logger);
  const link = signInLink(`http://127.0.0.1:${config.ports.ui}`, createSignInCode(standalone.token, Date.now()));
  process.stdout.write(greeting(config, link, standalone.encrypted));
  await stopped;
  process.stdout.write('\nStopping; data is kept in data/.\n');
  await standalone.close();
});
