import type { z } from 'zod';
import type { policyPreview } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { readInForce } from './configuration/state.ts';
import { compilePolicy, judge } from './policy/decide.ts';
import { parsePattern } from './policy/pattern.ts';
import { fitting } from './reply-size.ts';

type Request = z.infer<(typeof policyPreview)['request']>;
type Reply = z.infer<(typeof policyPreview)['reply']>;

const distinctCommands = 200;
/** How far back it is looked for so many different ones. */
const lookedAt = 5_000;

/**
 * What a pattern would have covered of the commands that were asked for or ran lately, by itself: for "allow" what it would have let
 * run, for "deny" what it would have refused. Ended commands are kept without their secrets, and judged as they are kept.
 * @throws ServiceError `policy_invalid`
 */
export async function previewPattern(sql: Sql, { list, pattern }: Request): Promise<Reply> {
  const reading = parsePattern(pattern);
  if (!reading.ok) throw new ServiceError('policy_invalid', `The pattern ${JSON.stringify(pattern.slice(0, 200))} cannot be used. ${reading.problem}`);
  const { policy } = await readInForce(sql, '');
  const compiled = compilePolicy({ allow: list === 'allow' ? [pattern] : [], deny: list === 'deny' ? [pattern] : [], matching: policy.matching });
  const commands = await recentCommands(sql);
  const matches = commands.filter(({ command }) => judge(command, compiled).decision === list);
  return { looked: commands.length, matches: [...fitting(matches)] };
}

async function recentCommands(sql: Sql): Promise<Reply['matches']> {
  return await sql.query<{ command: string; times: number }>(
    `SELECT command, count(*) AS times FROM (
       (SELECT command, created_at FROM interlock.approvals WHERE kind = 'shell' ORDER BY created_at DESC LIMIT $1)
       UNION ALL
       (SELECT r.command, r.created_at FROM interlock.runs r JOIN interlock.actions a ON a.key = r.key WHERE r.source <> 'approval' AND a.kind = 'shell' ORDER BY r.place DESC LIMIT $1)
     ) AS recent GROUP BY command ORDER BY max(created_at) DESC LIMIT $2`,
    [lookedAt, distinctCommands],
  );
}
