import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A configuration that cannot be used: names what is wrong, never a value. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`configuration: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses environment variables by a schema whose keys are their names. For each name `NAME_FILE` may name a file to read
 * the value from (its final line break is dropped). A `NAME` that is set wins over the file, also when it is set to the
 * empty string.
 * @throws ConfigurationError listing every bad name and why, without any value.
 */
export function parseEnvironment<Shape extends z.ZodRawShape>(shape: Shape, environment: Environment): z.infer<z.ZodObject<Shape>> {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(shape)) {
    const direct = environment[name];
    const file = environment[`${name}_FILE`];
    if (file !== undefined && file !== '' && direct === undefined) {
      try {
        given[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        problems.push(`${name}_FILE: the file cannot be read (${errorCode(error)})`);
      }
    } else if (direct !== undefined) given[name] = direct;
  }
  const failed = new Set(problems.map((problem) => problem.split('_FILE:')[0]));
  const parsed = z.object(shape).safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0] ?? 'environment');
      if (failed.has(name)) continue;
      problems.push(`${name}: ${given[name] === undefined ? 'is not set' : withoutValue(issue)}`);
    }
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigurationError(problems);
  return parsed.data;
}

// zod's own messages quote what was received in a few cases; these never do.
function withoutValue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `is too small or too short (minimum ${String(issue.minimum)})`;
    case 'too_big':
      return `is too large or too long (maximum ${String(issue.maximum)})`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'custom':
      return issue.message;
    default:
      return issue.message.startsWith('must ') ? issue.message : 'has the wrong form';
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** A TCP port: digits alone, 1 to 65535. */
export const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number, 1 to 65535')
  .transform(Number)
  .refine((value) => value >= 1 && value <= 65_535, 'must be a port number, 1 to 65535');

/** A whole number between two bounds. */
export const wholeNumber = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number, ${minimum} to ${maximum}`)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be a whole number, ${minimum} to ${maximum}`);

/** `true` or `false`, spelled out. */
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

export const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']);

/** Origins such as `https://megabot.example`, separated by commas or spaces; none by default. */
export const origins = z
  .string()
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((entry) => entry !== ''))
  .refine((entries) => entries.every(isOrigin), 'must be origins such as https://megabot.example, separated by commas');

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.origin === text.replace(/\/$/, '');
}
