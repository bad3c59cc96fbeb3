import { revealed } from './invisible.ts';
import { platformName } from './platform-words.ts';

/** Somebody behind a messenger, as the bridge named them. Each may be forged there. */
export interface Guest {
  readonly platform: string;
  readonly account: string;
  readonly sender: string;
}

/** Reads a principal `bridge:<platform>:<account>:<sender>`; null for the owner, a device and anything else. */
export function guestOf(principal: string | undefined): Guest | null {
  const [kind, platform = '', account = '', ...rest] = (principal ?? '').split(':');
  const sender = rest.join(':');
  return kind === 'bridge' && platform !== '' && account !== '' && sender !== '' ? { platform, account, sender } : null;
}

/** A principal for a person, with nothing hidden in it. */
export function principalWords(principal: string): string {
  const guest = guestOf(principal);
  return guest ? `${revealed(guest.sender)} on ${platformName(guest.platform)}` : revealed(principal);
}
