import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { silentLogger, type Logger } from '@megabot/observability/logger.ts';
import { DatabaseError, type Database } from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import { createDatabase, type DriverSession } from './driver.ts';
import { toDatabaseError } from './errors.ts';
import { filesInMemory, type DataFiles } from './pglite-template.ts';
import { scalarParsers } from './values.ts';

export interface PgliteOptions {
  /** A folder of its own for the data, or `'memory'`, which forgets everything when closed. */
  readonly directory: string;
  readonly logger: Logger;
  /** What a database in memory starts from (`makeTemplate`), so that tests need not initialise each anew. */
  readonly template?: DataFiles;
}

/**
 * Opens an embedded PostgreSQL with pgvector in this process. It has one session: queries wait for the transaction that is
 * running. It does not call fsync: a killed process loses nothing acknowledged, a power cut may.
 * @throws DirectoryLockedError if another process, or this one, has the directory open.
 */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  return await open(options, options.template ? { ...small, fs: filesInMemory({ template: options.template }) } : {});
}

/** The files of a database in which `prepare` has made what shall be there, for `template`. */
export async function makeTemplate(prepare: (db: Database) => Promise<void>): Promise<DataFiles> {
  let files: DataFiles | undefined;
  const fs = filesInMemory({ atEnd: (left) => void (files = left) });
  {
    await using db = await open({ directory: 'memory', logger: silentLogger() }, { fs, initDbStartParams: ['--wal-segsize=1'] });
    await prepare(db);
  }
  if (!files) throw new Error('the template was not closed');
  return files;
}

// As much as a test needs. Clearing the 128 MB of buffers that are the default takes longer than most tests.
const small: PGliteOptions = { startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=4MB', '-c', 'wal_buffers=64kB', '-c', 'max_connections=4'] };

async function open(options: Omit<PgliteOptions, 'template'>, settings: PGliteOptions): Promise<Database> {
  const unlock = options.directory === 'memory' ? () => undefined : lockDirectory(options.directory);
  let lite: PGlite;
  try {
    lite = await start(options.directory, settings);
  } catch (error) {
    unlock();
    throw toDatabaseError(error, 'other');
  }
  options.logger.debug({ memory: options.directory === 'memory' }, 'the embedded database is open');

  // PGlite would let a plain query slip between two statements of a transaction that is run by hand, hence a queue of our own.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  const session: DriverSession = {
    async run(text, parameters) {
      try {
        if (parameters.length > 0) return (await lite.query<object>(text, [...parameters])).rows;
        return (await lite.exec(text)).at(-1)?.rows ?? [];
      } catch (error) {
        throw toDatabaseError(error, lite.closed ? 'unavailable' : 'other');
      }
    },
  };
  return createDatabase({
    kind: 'pglite',
    run: (text, parameters) => inTurn(async () => await session.run(text, parameters)),
    withSession: (work) => inTurn(async () => await work(session)),
    close: async () => {
      await inTurn(async () => await lite.close()).finally(unlock);
    },
  });
}

// Parameters arrive in PostgreSQL's text form already (`encodeParameter`), so no serializer may touch them again.
const asIs = (value: unknown): string => {
  if (typeof value !== 'string') throw new DatabaseError('invalid', 'a query parameter was not encoded');
  return value;
};
const serializedTypes = [16, 17, 20, 21, 23, 25, 26, 114, 700, 701, 1042, 1043, 1082, 1114, 1184, 3802];

async function start(directory: string, settings: PGliteOptions): Promise<PGlite> {
  const lite = await PGlite.create(directory === 'memory' ? 'memory://' : directory, {
    extensions: { vector },
    parsers: { ...scalarParsers },
    serializers: Object.fromEntries(serializedTypes.map((oid) => [oid, asIs])),
    ...settings,
  });
  await lite.exec('CREATE EXTENSION IF NOT EXISTS vector');
  return lite;
}
