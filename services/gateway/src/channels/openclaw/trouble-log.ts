import type { Logger } from '@megabot/observability/logger.ts';
import { ZodError } from 'zod';
import { createTokenBucket } from '../../token-bucket.ts';

/** Text from outside on one line, without anything that hides, reverses or steers a terminal; at most `max` characters. */
export function oneLine(text: string, max: number): string {
  return text.slice(0, max).toWellFormed().replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

const linesAtOnce = 8;
const linesPerSecond = 0.2;

/**
 * Warnings about what the other side does. It decides how often there is something to warn of, so of many only some are written,
 * with how many were not; and of an answer in another shape only where it differs first, since it may do so everywhere.
 */
export function createTroubleLog(logger: Logger, clock: () => number): (about: Readonly<Record<string, unknown>>, sentence: string) => void {
  const bucket = createTokenBucket(linesPerSecond, linesAtOnce, clock);
  let left = 0;
  return ({ err, ...about }, sentence) => {
    if (!bucket.take()) {
      left += 1;
      return;
    }
    logger.warn({ ...about, ...(err === undefined ? {} : described(err)), ...(left === 0 ? {} : { notWritten: left }) }, sentence);
    left = 0;
  };
}

function described(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof ZodError)) return { err: error };
  return { unreadable: error.issues.slice(0, 3).map(({ path, message }) => `${path.map(String).join('.')}: ${oneLine(message, 200)}`) };
}
