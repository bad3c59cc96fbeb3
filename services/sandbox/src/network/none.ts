import { NetworkRefused, type NetworkSource } from './port.ts';

/** Where nothing could be joined: a shell that is simulated in this process has no container to put anywhere. */
export const noNetwork: NetworkSource = {
  open: async () => {
    throw new NetworkRefused('This sandbox gives no network to commands: that takes the full stack of containers (Docker) with COMPOSE_PROFILES=egress in .env. The command was not run; ask for it again without network.');
  },
};
