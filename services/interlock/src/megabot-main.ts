import { runMain } from '@megabot/config/start.ts';
import { keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { createAuditWriter } from './audit.ts';
import { signHere } from './audit/bindings.ts';
import { auditCommand } from './audit/command.ts';
import { readConfig } from './config.ts';

// `megabot audit verify|export`, in the interlock's container; with --file anywhere.
await runMain('megabot', async () => {
  process.exitCode = await auditCommand(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    async open() {
      const { database, interlock } = readConfig(process.env);
      const logger = createLogger('audit', 'fatal');
      const db = openPostgres({ ...database, poolSize: 1, applicationName: 'audit', logger });
      const key = keyPairFromSeed(interlock.permitSeed);
      const audit = createAuditWriter({ ...key, signEvery: Number.MAX_SAFE_INTEGER, logger });
      return { db, publicKeys: [key.publicKey, ...interlock.earlierPublicKeys], sign: async () => await signHere({ audit, db, clock: Date.now }), [Symbol.asyncDispose]: async () => await db[Symbol.asyncDispose]() };
    },
  });
});
