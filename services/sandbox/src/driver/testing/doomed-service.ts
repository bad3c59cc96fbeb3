import { parseArgs } from 'node:util';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../../workspace/store.ts';
import { collectExec, launcherExec } from '../container-spec.ts';
import { createDockerDriver } from '../docker.ts';
import { runScript } from '../driver-compliance.ts';
import { openEngine, type Engine } from '../engine.ts';

/** A process that runs one command and is killed, by itself and without a word, at the step that it is told. */
const { values } = parseArgs({ options: { root: { type: 'string', default: '' }, project: { type: 'string', default: '' }, instance: { type: 'string', default: '' }, step: { type: 'string', default: '' } } });
const die = (step: string): void => {
  if (values.step === step) process.kill(process.pid, 'SIGKILL');
};

const engine = openEngine({ socketPath: '/var/run/docker.sock' });
const doomed: Engine = {
  ...engine,
  create: async (options) => {
    const id = await engine.create(options);
    die('created');
    return id;
  },
  start: async (id) => {
    const hold = await engine.start(id);
    die('started');
    return hold;
  },
  exec: async (id, spec) => {
    const exec = await engine.exec(id, spec);
    if (spec === launcherExec) die('launcher ready');
    if (spec === collectExec) die('collecting');
    return exec;
  },
  remove: async (id) => {
    die('removing');
    await engine.remove(id);
  },
};
const workspaces = await openWorkspaceStore({ root: values.root });
const driver = createDockerDriver(
  { project: values.project, instance: values.instance, stateFolder: `${values.root}/replicas`, pool: { min: 0, max: 0 } },
  { engine: doomed, workspaces, logger: silentLogger() },
);
await driver.reap();
const harness = { driver, workspaces, close: async () => await driver.close() };
await runScript(harness, 'doomed', 'echo x >> file; echo started; sleep 0.3; echo ended', { runId: 'doomed-run', permitId: 'doomed-permit' }, undefined, (_stream, chunk) => {
  if (Buffer.from(chunk).includes('started')) die('running');
});
die('ended');
