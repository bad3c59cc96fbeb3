import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, suite, test } from 'node:test';
import type { ContainerState } from '@megabot/testing/stack-containers.ts';
import { stackServices, type Stack, type StackService } from '@megabot/testing/stack.ts';
import { listenOnHost, listenOnLoopback, ordinaryContainerReaches, outsideMachine, reachFrom, type OutsideMachine, type Target } from './network-probe.ts';

type Network = 'edge' | 'bus' | 'data' | 'egress';
const networksOf: Readonly<Record<StackService, readonly Network[]>> = {
  gateway: ['edge', 'bus', 'egress'], ui: ['edge'], orchestrator: ['bus', 'egress'], interlock: ['bus', 'data'], memory: ['bus', 'data'], sandbox: ['bus'],
  nats: ['bus'], postgres: ['data'], model: ['egress'],
};

/** What each container can and cannot reach, tried from inside. */
export function isolation(stack: () => Stack): void {
  suite('isolation', () => {
    let containers: readonly ContainerState[];
    let host: Awaited<ReturnType<typeof listenOnHost>>;
    let outside: OutsideMachine | undefined;
    const of = (service: StackService): ContainerState => containers.find((container) => container.service === service) ?? assert.fail(`no container of ${service}`);
    const longRunning = (): readonly ContainerState[] => containers.filter((container) => !container.oneShot);
    /** Every address of this host: of its own interfaces, and of the bridges. */
    const hostTargets = (): Target[] =>
      Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).filter((address) => address.family === 'IPv4' && !address.internal)
        .map(({ address }) => ({ name: `host ${address}`, host: address, port: host.port }));
    /** A listener of the stack in each network where the service is not. */
    const foreignListeners = (service: StackService): Target[] => {
      const listeners: readonly [StackService, Network, number][] = [
        ['postgres', 'data', 5432], ['nats', 'bus', 4222], ['nats', 'bus', 8222], ['model', 'egress', 8080],
        ['gateway', 'edge', Number(new URL(stack().httpUrl).port)], ['ui', 'edge', Number(new URL(stack().uiUrl).port)],
      ];
      return listeners
        .filter(([listener, network]) => listener !== service && !networksOf[service].includes(network))
        .map(([listener, network, port]) => ({ name: `${listener} in ${network}`, host: of(listener).addresses[network] ?? '', port }));
    };
    const internet: readonly Target[] = [{ name: 'the internet by address', host: '1.1.1.1', port: 443 }, { name: 'the internet by name', host: 'example.com', port: 443 }];
    const lan = (): Target[] => (outside ? [{ name: 'the LAN', host: outside.address, port: outside.port }] : []);

    before(async () => {
      containers = await stack().containers();
      [host, outside] = await Promise.all([listenOnHost(), outsideMachine()]);
    });
    after(async () => await Promise.all([host.close(), outside?.close()]));

    test('the stand-ins are there: an ordinary container reaches the LAN and the host', { skip: process.getuid?.() === 0 ? false : 'only root can stand in for a machine of the LAN' }, async () => {
      assert.ok(outside);
      assert.equal(await ordinaryContainerReaches({ name: 'the LAN', host: outside.address, port: outside.port }), 'open');
      assert.equal(await ordinaryContainerReaches({ name: 'host', host: outside.hostAddress, port: host.port }), 'open');
    });

    test('the services reach what they need: the probes can find what is open', async () => {
      const nats = (service: StackService) => ({ name: `${service} to nats`, host: of('nats').addresses['bus'] ?? '', port: 4222 });
      assert.deepEqual(await reachFrom(stack(), 'gateway', [nats('gateway')]), { 'gateway to nats': 'open' });
      assert.deepEqual(await reachFrom(stack(), 'memory', [{ name: 'postgres', host: of('postgres').addresses['data'] ?? '', port: 5432 }]), { postgres: 'open' });
    });

    // Each waits for answers that never come.
    suite('what is out of reach', { concurrency: 4 }, () => {
      for (const service of stackServices) {
        test(`${service} reaches no network but ${networksOf[service].join(', ')}, no LAN and no internet`, async () => {
          const targets = [...foreignListeners(service), ...internet, ...lan()];
          const found = await reachFrom(stack(), service, targets);
          assert.deepEqual(Object.entries(found).filter(([, reach]) => reach !== 'unreachable'), []);
        });
      }

      for (const service of ['memory', 'interlock', 'sandbox', 'nats', 'postgres'] as const) {
        test(`${service} reaches no listener of the host, on any of its addresses`, async () => {
          const found = await reachFrom(stack(), service, [...hostTargets(), { name: 'the egress address', host: stack().egressHost, port: host.port }]);
          assert.deepEqual(Object.entries(found).filter(([, reach]) => reach !== 'unreachable'), []);
        });
      }
    });

    for (const service of ['gateway', 'orchestrator'] as const) {
      test(`${service} reaches a listener of the host through the network egress`, async () => {
        assert.deepEqual(await reachFrom(stack(), service, [{ name: 'host', host: stack().egressHost, port: host.port }]), { host: 'open' });
      });
    }

    test('the relay passes its four ports on to who may have them, and to nobody else', async () => {
      const socketsOf = async (service: StackService) => {
        const { stdout } = await stack().exec(service, ['sh', '-c', 'ls -d /run/hostlink/*/*.sock 2>/dev/null || true']);
        return stdout.trim().split('\n').filter((line) => line !== '').toSorted((a, b) => a.localeCompare(b));
      };
      assert.deepEqual(await socketsOf('gateway'), ['/run/hostlink/openclaw/18789.sock']);
      assert.deepEqual(await socketsOf('orchestrator'), ['11434', '1234', '8080'].map((port) => `/run/hostlink/models/${port}.sock`));
      for (const service of stackServices) if (service !== 'gateway' && service !== 'orchestrator') assert.deepEqual(await socketsOf(service), [], service);
    });

    test('a listener on the host\'s loopback is reached through the relay, and not without it', async () => {
      // Whichever of the relay's ports is free here stands for a model server that listens on 127.0.0.1 alone.
      const listener = await listenOnLoopback([11_434, 1_234, 8_080]);
      const ask = 'const s = require("node:net").connect(process.argv[1].includes("/") ? { path: process.argv[1] } : { host: process.argv[1], port: Number(process.argv[2]) }); s.on("data", (d) => process.stdout.write(d)); s.on("error", () => {}); setTimeout(() => process.exit(), 1500)';
      const heard = async (service: StackService, target: string) => (await stack().exec(service, ['node', '-e', ask, target, String(listener.port)])).stdout.trim();
      try {
        assert.equal(await heard('orchestrator', `/run/hostlink/models/${listener.port}.sock`), 'hello');
        assert.equal(await heard('orchestrator', stack().egressHost), '');
      } finally {
        await listener.close();
      }
    });

    test('only the sandbox has the engine\'s socket', async () => {
      for (const service of stackServices) {
        const mounted = of(service).mounts.filter((mount) => /docker|containerd/.test(mount.source + mount.destination) && /\.sock/.test(mount.source)).map((mount) => mount.destination);
        assert.deepEqual([service, mounted], [service, service === 'sandbox' ? ['/var/run/docker.sock'] : []]);
        const { stdout } = await stack().exec(service, ['sh', '-c', 'for s in /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock; do [ ! -S $s ] || echo $s; done']);
        assert.equal(stdout.includes('docker.sock'), service === 'sandbox', service);
      }
    });

    test('three ports are published, all of them on 127.0.0.1', () => {
      const published = containers.flatMap((container) => container.published.map((binding) => `${container.service} ${binding}`)).sort((a, b) => a.localeCompare(b));
      const at = (service: string, url: string) => `${service} 127.0.0.1:${new URL(url).port}`;
      assert.deepEqual(published, [at('gateway', stack().httpUrl), at('gateway', stack().wsUrl), at('ui', stack().uiUrl)].sort((a, b) => a.localeCompare(b)));
    });

    test('every container is read-only, without capabilities, with limits, and cannot gain anything', () => {
      for (const container of containers) {
        const { service } = container;
        assert.ok(container.readOnly && !container.privileged, service);
        assert.deepEqual(container.capabilitiesDropped, ['ALL'], service);
        const added = { postgres: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'], volumes: ['CHOWN'] }[service] ?? [];
        assert.deepEqual(container.capabilitiesAdded.map((name) => name.replace('CAP_', '')).sort((a, b) => a.localeCompare(b)), added, service);
        assert.ok(container.securityOptions.some((option) => option.startsWith('no-new-privileges')), service);
      }
      for (const container of longRunning()) {
        assert.ok(container.memoryLimit > 0 && container.memoryLimit <= 512 * 2 ** 20, `${container.service}: memory ${container.memoryLimit}`);
        assert.ok(container.pidsLimit > 0 && container.pidsLimit <= 256, `${container.service}: pids ${container.pidsLimit}`);
      }
    });

    for (const service of stackServices) {
      test(`no process of ${service} is root or holds a capability, as the kernel says`, async () => {
        const { stdout } = await stack().exec(service, ['sh', '-c', 'for f in /proc/[0-9]*/status; do awk -v f="$f" \'/^(Uid|CapEff|NoNewPrivs):/ { printf "%s ", $2 } END { print f }\' "$f" 2>/dev/null; done']);
        const processes = stdout.trim().split('\n').map((line) => line.split(' ')).filter((fields) => fields.length >= 4);
        assert.ok(processes.length > 0);
        for (const [uid, effective, noNewPrivileges] of processes) {
          // What the engine starts inside Postgres's container begins as root, as this very look does; the server does not stay so.
          if (service === 'postgres' && uid === '0') continue;
          assert.notEqual(uid, '0');
          assert.match(effective ?? '', /^0+$/);
          assert.equal(noNewPrivileges, '1');
        }
        if (service === 'postgres') assert.ok(processes.some(([uid]) => uid !== '0'), 'the server runs as its own user');
      });
    }

    test('nothing of the root file system can be written', async () => {
      for (const service of stackServices) {
        const { code } = await stack().exec(service, ['sh', '-c', 'echo x > /probe || echo x > /usr/probe || echo x > /app/probe']);
        assert.notEqual(code, 0, service);
      }
    });
  });
}
