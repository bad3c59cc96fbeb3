import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { driverCompliance } from './driver-compliance.ts';
import { createJustBashDriver } from './just-bash.ts';

driverCompliance(
  'just-bash',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'megabot-just-bash-'));
    const workspaces = await openWorkspaceStore({ root });
    const driver = createJustBashDriver({}, { workspaces, logger: silentLogger() });
    return {
      driver,
      workspaces,
      close: async () => {
        await driver.close();
        await rm(root, { recursive: true });
      },
    };
  },
  {
    realPrograms: 'only the commands of the simulated shell exist',
    signals: 'there are no processes, so no signals',
    streaming: 'the simulated shell gives its output at its end',
    interleaving: 'the simulated shell gives each stream as a whole',
    background: 'the simulated shell runs everything in the foreground',
    memoryLimit: 'no command of the simulated shell takes memory in a way that a test can aim at',
  },
);
