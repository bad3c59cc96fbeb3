import { TOTP, URI } from 'otpauth';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { owner, type startInterlock } from './harness.ts';

export type Running = Awaited<ReturnType<typeof startInterlock>>;

/** Settings of a messenger whose senders 1001 and 1002 may decide, and 1003 may only write. */
export const telegram = `bridges:
  openclaw:
    platforms:
      telegram: {allowFrom: ["1001", "1002", "1003"], admins: ["1001", "1002"], maxRisk: medium}
      signal: {allowFrom: ["1001"], admins: ["1001"], approvals: off}
      slack: {enabled: false, allowFrom: ["1001"], admins: ["1001"]}
`;

export const chat = 'chat-of-1001';
/** Somebody behind a messenger, as the gateway would say it. */
export const sender = (id: string, extra: Partial<Actor> = {}, platform = 'telegram'): Actor => ({ principal: `bridge:${platform}:default:${id}`, trust: 'untrusted', channel: 'bridge', conversation: chat, ...extra });
export const device: Actor = { principal: 'device:phone', trust: 'paired', channel: 'native' };

/** Enrols an admin, and gives what their app shows at a moment. Two steps have passed afterwards, so that the first code is spent. */
export async function enrolled(it: Running, id: string, platform = 'telegram'): Promise<(at?: number) => string> {
  const { uri } = await it.call(it.gateway, interlock.totpEnroll, { platform, sender: id, actor: owner });
  const totp = URI.parse(uri);
  if (!(totp instanceof TOTP)) throw new Error('not a time-based secret');
  const show = (at = it.now()): string => totp.generate({ timestamp: at });
  await it.call(it.gateway, interlock.totpConfirm, { platform, sender: id, code: show(), actor: owner });
  it.advance(60_000);
  return show;
}

export const code = (wanted: string) => (error: unknown): boolean => (error as { code?: string }).code === wanted;
/** A refusal with this code for this one of its reasons. */
export const refusedFor = (why: string) => (error: unknown): boolean => {
  const { code: found, details } = error as { code?: string; details?: { why?: string } };
  return found === 'not_entitled' && details?.why === why;
};
