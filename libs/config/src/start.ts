import { ConfigurationError } from './environment.ts';

/**
 * Runs a process's `start`, and turns a failure to start into one readable paragraph on stderr and exit code 1.
 * A configuration error prints its problems alone; anything else also prints its chain of causes.
 */
export async function runMain(service: string, start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (error instanceof ConfigurationError) {
      process.stderr.write(`${service} cannot start. Its configuration is wrong:\n`);
      for (const problem of error.problems) process.stderr.write(`  - ${problem}\n`);
      process.stderr.write('Nothing was changed. Mend the names above and start again.\n');
    } else {
      process.stderr.write(`${service} cannot start: ${describeCauses(error)}\n`);
    }
    process.exit(1);
  }
}

function describeCauses(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error && parts.length < 5; at = at.cause) parts.push(at.message);
  return parts.length > 0 ? parts.join(' <- ') : String(error);
}
