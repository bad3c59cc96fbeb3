/**
 * Decides from `Host` and `Origin` whether a request is meant for this MegaBot. Against DNS rebinding the name must be a
 * loopback one with a port of ours, or one the owner has named; a loopback peer address proves nothing, because a browser on
 * this machine has one too.
 */
export interface OriginGuard {
  hostAllowed(host: string | undefined): boolean;
  /** Of an Origin that is present; `null` never is. */
  originAllowed(origin: string): boolean;
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** `ports` are those under which loopback reaches us; `publicOrigins` are `scheme://host[:port]`, already checked. */
export function createOriginGuard(options: { hostPorts: () => readonly number[]; originPorts: () => readonly number[]; publicOrigins: readonly string[] }): OriginGuard {
  const publicUrls = options.publicOrigins.map((origin) => new URL(origin));
  const publicHosts = new Set(publicUrls.map((url) => url.host));
  const publicOrigins = new Set(publicUrls.map((url) => url.origin));
  return {
    hostAllowed(host) {
      if (host === undefined) return false;
      const name = host.toLowerCase();
      if (publicHosts.has(name.replace(/:(80|443)$/, '')) || publicHosts.has(name)) return true;
      return loopbackNames.some((loopback) => options.hostPorts().some((port) => name === `${loopback}:${port}` || (port === 80 && name === loopback)));
    },
    originAllowed(origin) {
      if (publicOrigins.has(origin)) return true;
      return loopbackNames.some((loopback) => options.originPorts().some((port) => origin === `http://${loopback}:${port}` || (port === 80 && origin === `http://${loopback}`)));
    },
  };
}
