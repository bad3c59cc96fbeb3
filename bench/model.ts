import { end, launch, type Environment } from './processes.ts';

/** The scripted model as a process of its own, so that its work is not the bench's. */
export interface ModelProcess extends AsyncDisposable {
  /** Milliseconds for the same answer asked of the model itself: what no assistant can be faster than. */
  ask(): Promise<number>;
}

export async function startModel(options: { host: string; port: number; environment: Environment }): Promise<ModelProcess> {
  const { host, port, environment } = options;
  const child = launch(process.execPath, ['libs/testing/src/scripted-model-main.ts', '--host', host, '--port', String(port)], environment);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the scripted model did not start: ${said}`)));
    child.stderr?.on('data', (data: Buffer) => (said = `${said}${data.toString('utf8')}`.slice(-800)));
    child.stdout?.once('data', () => resolve());
  });
  child.stdout?.resume();
  return {
    async ask() {
      const started = performance.now();
      const response = await fetch(`http://${host}:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'scripted', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
      });
      if (!(await response.text()).includes('[DONE]')) throw new Error('the scripted model did not end its answer');
      return performance.now() - started;
    },
    [Symbol.asyncDispose]: async () => await end(child),
  };
}
