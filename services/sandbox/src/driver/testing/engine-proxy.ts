import { connect, createServer, type Socket } from 'node:net';

/** A way to the engine that a test can cut, so that the engine itself need not be stopped. */
export interface EngineProxy extends AsyncDisposable {
  readonly socketPath: string;
  /** Cuts every connection and refuses new ones at the n-th request that matches, counted from now. Resolves when it did. */
  cutAt(request: RegExp, occurrence: number): Promise<void>;
  cut(): void;
  restore(): void;
  readonly isCut: boolean;
}

export async function openEngineProxy(socketPath: string, enginePath: string): Promise<EngineProxy> {
  const sockets = new Set<Socket>();
  let cut = false;
  let trap: { request: RegExp; left: number; sprung: () => void } | undefined;

  const cutNow = (): void => {
    cut = true;
    trap = undefined;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (cut) return void client.destroy();
    const engine = connect({ path: enginePath, allowHalfOpen: true });
    for (const socket of [client, engine]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => engine.destroy());
    engine.on('close', () => client.destroy());
    client.on('data', (chunk) => {
      if (trap?.request.test(chunk.toString('latin1').split('\r\n', 1)[0] ?? '') && --trap.left === 0) {
        trap.sprung();
        return cutNow();
      }
      if (!engine.destroyed) engine.write(chunk);
    });
    client.on('end', () => engine.end());
    engine.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    cutAt: async (request, occurrence) => await new Promise((sprung) => (trap = { request, left: occurrence, sprung })),
    cut: cutNow,
    restore: () => {
      cut = false;
      trap = undefined;
    },
    get isCut() {
      return cut;
    },
    async [Symbol.asyncDispose]() {
      cutNow();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
