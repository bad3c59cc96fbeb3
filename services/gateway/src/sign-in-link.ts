import { runMain } from '@megabot/config/start.ts';
import { readSignInConfig } from './config.ts';
import { createSignInCode, signInLink } from './sign-in-code.ts';

// Prints a link that signs in once, within 15 minutes: `docker compose exec gateway node services/gateway/src/sign-in-link.ts`.
await runMain('sign-in-link', async () => {
  const { token, uiPort } = readSignInConfig();
  process.stdout.write(`${signInLink(`http://127.0.0.1:${uiPort}`, createSignInCode(token, Date.now()))}\n`);
});
