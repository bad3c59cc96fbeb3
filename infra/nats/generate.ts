// Writes infra/nats/permissions.conf from the tables of libs/contracts. Run it after changing them: node infra/nats/generate.ts
import { writeFile } from 'node:fs/promises';
import { renderPermissions } from '@megabot/contracts/permissions.ts';

await writeFile(new URL('permissions.conf', import.meta.url), renderPermissions());
