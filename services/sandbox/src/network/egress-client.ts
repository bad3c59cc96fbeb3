import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { egressGoodbye, EgressReply, EgressSummary, type EgressRequest } from '@megabot/contracts/egress.ts';
import { NetworkRefused, type NetworkSource, type RunNetwork } from './port.ts';

export interface EgressClientOptions {
  /** Unix socket of the egress proxy. */
  readonly controlPath: string;
  /** Compose's project, which the names of the engine's networks begin with. */
  readonly project: string;
  /** For how long a run waits while every network is taken, in milliseconds. */
  readonly busyMs?: number;
}

const answerMs = 3_000;
const busyRetryMs = 250;

/** Network from the egress proxy. The open connection is the lease: when this process dies, the run's network is gone. */
export function createEgressClient(options: EgressClientOptions): NetworkSource {
  const ask = async (request: EgressRequest): Promise<{ socket: Socket; reply: EgressReply }> => {
    const socket = connect(options.controlPath);
    try {
      socket.write(`${JSON.stringify(request)}\n`);
      return { socket, reply: EgressReply.parse(JSON.parse(await lineOf(socket))) };
    } catch (error) {
      socket.destroy();
      throw new NetworkRefused(
        'Network was granted, but the egress proxy does not run here. Turn it on with COMPOSE_PROFILES=egress in .env and `make up`, or ask again without network.',
        { cause: error },
      );
    }
  };

  return {
    async open(request, signal) {
      const deadline = performance.now() + (options.busyMs ?? 15_000);
      for (;;) {
        const { socket, reply } = await ask(request);
        if (reply.ok) return runNetwork(socket, reply, options.project);
        socket.destroy();
        if (reply.reason === 'bad_request') throw new NetworkRefused('The egress proxy refused the hosts of this run. Its version may differ from the sandbox: run `make up` again.');
        if (signal.aborted || performance.now() > deadline) throw new NetworkRefused('Every network for commands is in use by another one. Try again when one of them has ended.');
        await wait(busyRetryMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

function runNetwork(socket: Socket, reply: EgressReply & { ok: true }, project: string): RunNetwork {
  // A proxy that goes away takes the run's network along; the run itself goes on without.
  socket.on('error', () => undefined);
  return {
    attachment: { network: `${project}_${reply.network}`, env: proxyEnvironment(`http://run:${reply.token}@${reply.address}:${reply.port}`) },
    async close() {
      try {
        const summary = lineOf(socket);
        socket.end(egressGoodbye);
        return EgressSummary.parse(JSON.parse(await summary));
      } catch {
        return null;
      } finally {
        socket.destroy();
      }
    },
  };
}

/** Both spellings, since programs differ; curl takes `http_proxy` in lower case alone. Node's own clients look only when told to. */
function proxyEnvironment(url: string): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
  return { ...Object.fromEntries(names.map((name) => [name, url])), NO_PROXY: 'localhost,127.0.0.1,::1', no_proxy: 'localhost,127.0.0.1,::1', NODE_USE_ENV_PROXY: '1' };
}

async function lineOf(socket: Socket): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('data', more).off('error', finish).off('close', closed);
      if (error) reject(error);
      else resolve(text);
    };
    const more = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      if (text.length > 65_536) finish(new Error('the answer is too long'));
      else if (text.includes('\n')) finish();
    };
    const closed = (): void => finish(new Error('no answer'));
    const timer = setTimeout(() => finish(new Error('no answer in time')), answerMs);
    socket.on('data', more).once('error', finish).once('close', closed);
  });
}
