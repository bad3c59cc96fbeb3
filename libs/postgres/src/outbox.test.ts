import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';
import { outboxSuite } from './outbox-suite.ts';

outboxSuite('PGlite', openMemoryDatabase);
