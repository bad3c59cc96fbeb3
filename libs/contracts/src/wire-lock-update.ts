// Accepts the wire schemas as they are now: node libs/contracts/src/wire-lock-update.ts
import { writeFile } from 'node:fs/promises';
import { wireHashes } from './wire-lock.ts';

await writeFile(new URL('wire.lock.json', import.meta.url), `${JSON.stringify(wireHashes(), null, 2)}\n`);
