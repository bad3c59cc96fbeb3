import { remoteModelName, scriptedModelName, startScriptedModel } from '@megabot/testing/scripted-model.ts';
import { modelCompliance, type ComplianceServer } from './model-compliance.ts';
import { createModelDriver } from './select.ts';

async function startAt(path: string): Promise<ComplianceServer> {
  const model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  return {
    ...model,
    url: model.url + path,
    models: { served: scriptedModelName, unknown: 'no-such-model', remote: remoteModelName },
  };
}

modelCompliance({
  name: 'Ollama',
  chatPath: '/api/chat',
  start: async () => await startAt(''),
  make: (options) => createModelDriver(options),
});

modelCompliance({
  name: 'OpenAI-compatible',
  chatPath: '/v1/chat/completions',
  start: async () => await startAt('/v1'),
  make: (options) => createModelDriver(options),
});
