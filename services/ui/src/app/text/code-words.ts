import type { OneTimeCodes } from '@megabot/contracts/endpoints/interlock.ts';
import type { CodeHolder } from '../wire/api.ts';
import { revealed } from './invisible.ts';
import { clock } from './time.ts';

/** An admin of a messenger, or somebody who was one, with the codes they have. */
export interface CodeRow extends CodeHolder {
  /** Named as an admin in the configuration; codes of anybody else decide nothing. */
  readonly listed: boolean;
  readonly codes: OneTimeCodes | null;
}

/** How long a new secret waits for its first code, as the interlock has it. */
const confirmWithinMs = 600_000;

/** A holder with nothing hidden: ids are what a messenger says. */
export const nameOf = ({ platform, sender }: CodeHolder): string => revealed(`${platform} ${sender}`);

/** Every listed admin, and behind them whoever has codes without being one. */
export function rowsOf(admins: readonly CodeHolder[], enrolled: readonly OneTimeCodes[]): readonly CodeRow[] {
  const same = (a: CodeHolder, b: CodeHolder) => a.platform === b.platform && a.sender === b.sender;
  const listed = admins.map(({ platform, sender }): CodeRow => ({ platform, sender, listed: true, codes: enrolled.find((one) => same(one, { platform, sender })) ?? null }));
  const others = enrolled.filter((one) => !admins.some((admin) => same(admin, one))).map((codes): CodeRow => ({ platform: codes.platform, sender: codes.sender, listed: false, codes }));
  return [...listed, ...others];
}

/** Whether a first code would still put the secret into use. */
export const isWaiting = ({ codes }: CodeRow, now: number): boolean => codes?.confirmed === false && codes.enrolledAt + confirmWithinMs > now;

export function standing(row: CodeRow, now: number): string {
  const { listed, codes } = row;
  if (!listed) return 'No longer an admin: these codes decide nothing. Remove them.';
  if (!codes) return 'No codes yet: cannot decide from the messenger.';
  if (isWaiting(row, now)) return `Made ${clock(codes.enrolledAt, now)}, and not in use: it waits ten minutes for a first code.`;
  if (!codes.confirmed) return `Made ${clock(codes.enrolledAt, now)}, and never put into use: its ten minutes are over. Start again.`;
  return `In use since ${clock(codes.enrolledAt, now)}; ${codes.lastUsedAt === null ? 'no code was taken yet' : `last code taken ${clock(codes.lastUsedAt, now)}`}.`;
}
