import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Sql } from '@megabot/postgres/database.ts';

/** All that a run printed; `binary` in base64. @throws ServiceError `not_found` */
export async function outputOf(sql: Sql, runId: string): Promise<{ output: string; binary: string | null }> {
  const [row] = await sql.query<{ output: string; binary_output: string | null }>('SELECT output, binary_output FROM interlock.runs WHERE id = $1', [runId]);
  if (!row) throw new ServiceError('not_found', 'No run has this id.');
  return { output: row.output, binary: row.binary_output };
}
