import type { NetworkGrant } from '@megabot/contracts/network.ts';

/** What a command may reach, in the words of an approval's card. */
export function networkWords(network: NetworkGrant | undefined): string {
  if (network === undefined || network === 'none') return 'none';
  return network === 'internet' ? 'the whole internet' : network.hosts.join(', ');
}
