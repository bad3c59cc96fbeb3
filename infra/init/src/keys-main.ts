import { runMain } from '@megabot/config/start.ts';
import { ensureKeys } from './keys.ts';

await runMain('keys', async () => {
  const directory = process.argv[2];
  if (directory === undefined) throw new Error('usage: keys-main.ts DIRECTORY');
  const made = await ensureKeys(directory);
  process.stdout.write(made.length === 0 ? 'secrets: all present\n' : `secrets: made ${made.join(', ')}\n`);
});
