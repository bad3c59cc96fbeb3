import type { ActionOf } from '@megabot/contracts/action.ts';
import { canonicalHost, NetworkRequest } from '@megabot/contracts/network.ts';

/**
 * A command as it was typed, as an action. `--network=pypi.org,files.pythonhosted.org` or `--network=internet` in front asks for
 * network; no command of a shell begins so.
 * @returns a sentence instead where what stands there is no host.
 */
export function typedCommand(text: string): ActionOf<'shell'> | string {
  const match = /^--network=(\S*)\s+(\S[^]*)$/.exec(text);
  if (!match) return { kind: 'shell', command: text };
  const [, wanted = '', command = ''] = match;
  const hosts = wanted.split(',');
  const network = NetworkRequest.safeParse(wanted === 'internet' ? wanted : { hosts: hosts.map((host) => canonicalHost(host) ?? host) });
  if (network.success) return { kind: 'shell', command, network: network.data };
  return `It was not run: --network= takes public host names with commas between them, such as --network=pypi.org,files.pythonhosted.org, or the word internet.`;
}
