import { parseArgs } from 'node:util';
import { terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { startScriptedModel } from './scripted-model.ts';

/** The scripted model as a process: `node scripted-model-main.ts --host 0.0.0.0 --port 11434`. */
const { values } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '11434' } },
});
if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
  process.stderr.write('--port is not a port number\n');
  process.exit(1);
}
const model = await startScriptedModel({ host: values.host, port: Number(values.port) });
process.stdout.write(`the scripted model answers on ${model.url}\n`);
await terminationSignal();
await model.close();
