import { isReadableUnderway } from './channels/openclaw/address.ts';
import type { OpenClawStatus } from './channels/openclaw/status.ts';

type Told = Pick<OpenClawStatus, 'state' | 'address' | 'message' | 'mend' | 'findings'>;

/** What of a bridge the owner has to know, beginning with what leaves the machine through it; nothing while it is off. */
export function bridgeWarnings(bridge: Told | undefined): string[] {
  if (!bridge || bridge.state === 'off') return [];
  const through = `Messages of people whom you listed, and the answers to them, go through OpenClaw${bridge.address === undefined ? '' : ` at ${bridge.address}`} to their messengers' companies (docs/data-flow.md).`;
  const read = bridge.address !== undefined && isReadableUnderway(bridge.address) ? ['They and the token of the bridge cross your network unencrypted: whoever is in it can read them. Use wss:, or have OpenClaw on this machine.'] : [];
  return [through, ...read, ...trouble(bridge), ...bridge.findings.map((finding) => `OpenClaw: ${finding.message} ${finding.mend}`)];
}

const meanwhile = 'Until it is connected, no message is read and answers are kept, for a day; the rest of MegaBot works.';

/** Why nothing goes over the bridge: what a person mends, or what it waits for by itself. */
function trouble({ state, message, mend }: Told): string[] {
  switch (state) {
    case 'off':
    case 'connected':
      return [];
    case 'connecting':
      return [`OpenClaw bridge connecting: it waits for OpenClaw to finish the handshake. ${meanwhile}`];
    case 'waiting':
      return [`OpenClaw bridge waiting: ${message ?? 'There is no connection.'} ${mend ?? ''} It is tried again by itself. ${meanwhile}`.replaceAll('  ', ' ')];
    case 'refused':
      return [
        `OpenClaw bridge refused: ${message ?? 'OpenClaw refuses the bridge.'} What to do: ${mend ?? 'Look into OpenClaw\'s log.'} ` +
          `It is not tried again by itself: after that, use "Try again now" on the page Messengers, or start MegaBot again. ${meanwhile}`,
      ];
  }
}
