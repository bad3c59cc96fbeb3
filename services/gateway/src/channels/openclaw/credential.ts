import { refused } from './failure.ts';
import type { OpenClawIdentity } from './identity.ts';
import type { HelloOk } from './protocol.ts';

export interface Credential {
  readonly token: string;
  /**
   * Keeps what the gateway gave for it. @throws LinkFailure, final, where pairing brought no device token: going on would
   * mean to keep the shared token, which is full control of the gateway.
   */
  accepted(hello: HelloOk): Promise<void>;
}

/**
 * What to prove ourselves with: the device token of an earlier pairing, or once the shared token. A shared token that is the
 * one we paired with is not used again, so that a device that was removed at the gateway stays removed.
 * @throws LinkFailure, final, where there is neither.
 */
export async function chooseCredential(identity: OpenClawIdentity, url: string, sharedToken: string | undefined): Promise<Credential> {
  const kept = await identity.deviceToken(url);
  const mark = sharedToken === undefined || sharedToken === '' ? undefined : identity.markOf(sharedToken);
  if (kept && (mark === undefined || mark === kept.pairedBy)) {
    return {
      token: kept.deviceToken,
      async accepted(hello) {
        const fresh = hello.auth.deviceToken;
        if (fresh !== undefined && fresh !== kept.deviceToken) await identity.keepDeviceToken({ url, deviceToken: fresh, pairedBy: kept.pairedBy });
      },
    };
  }
  if (mark === undefined || sharedToken === undefined) {
    throw refused('no_token', 'The bridge is not paired with this OpenClaw.', 'Set OPENCLAW_AUTH_TOKEN to the gateway\'s token (gateway.auth.token in openclaw.json) once, and restart MegaBot.');
  }
  return {
    token: sharedToken,
    async accepted(hello) {
      const deviceToken = hello.auth.deviceToken;
      if (deviceToken === undefined || deviceToken === sharedToken) {
        throw refused('no_device_token', 'OpenClaw took the shared token and gave no device token for it, so the bridge would have to keep full control of the gateway.', 'Install an OpenClaw of version 2026.9, and check that nothing between it and MegaBot changes the handshake.');
      }
      await identity.keepDeviceToken({ url, deviceToken, pairedBy: mark });
    },
  };
}
