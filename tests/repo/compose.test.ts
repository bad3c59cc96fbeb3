import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { read } from './tree.ts';

interface Service {
  readonly image?: string;
  readonly ports?: string[];
  readonly networks?: string[] | Record<string, { ipv4_address?: string } | null>;
  readonly profiles?: string[];
  readonly network_mode?: string;
  readonly sysctls?: Record<string, string>;
  readonly secrets?: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly cap_drop?: string[];
  readonly cap_add?: string[];
  readonly read_only?: boolean;
  readonly security_opt?: string[];
  readonly container_name?: string;
  readonly privileged?: boolean;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly healthcheck?: object;
  readonly logging?: object;
  readonly restart?: string;
}
const compose = parse(read('docker-compose.yml') ?? '', { merge: true }) as {
  name: string;
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string>; ipam?: { config: { subnet: string }[] } } | null>;
};
const services = Object.entries(compose.services);
const networksOf = ({ networks = [] }: Service): string[] => (Array.isArray(networks) ? networks : Object.keys(networks));
const runNetworks = ['run-0', 'run-1', 'run-2', 'run-3'];
const longRunning = services.filter(([, service]) => service.restart !== 'no');

test('the project is called megabot', () => assert.equal(compose.name, 'megabot'));

test('three ports are published, on the address that the owner binds, 127.0.0.1 by default', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? []);
  assert.equal(ports.length, 3);
  for (const [index, port] of [8000, 18_790, 5173].entries()) {
    assert.match(ports[index] ?? '', new RegExp(`^\\$\\{MEGABOT_BIND:-127\\.0\\.0\\.1\\}:\\$\\{\\w+:-${port}\\}:\\$\\{\\w+:-${port}\\}$`));
  }
});

test('only sandbox holds the engine socket', () => {
  const holders = services.filter(([, service]) => service.volumes?.some((volume) => volume.includes('docker.sock'))).map(([name]) => name);
  assert.deepEqual(holders, ['sandbox']);
});

test('each service reaches its own networks alone', () => {
  const networks = Object.fromEntries(longRunning.map(([name, service]) => [name, networksOf(service)]));
  assert.deepEqual(networks, {
    gateway: ['edge', 'bus', 'egress'],
    ui: ['edge'],
    orchestrator: ['bus', 'egress'],
    interlock: ['bus', 'data'],
    memory: ['bus', 'data'],
    sandbox: ['bus'],
    egress: ['internet', ...runNetworks],
    hostlink: [],
    nats: ['bus'],
    postgres: ['data'],
  });
});

test('bus, data and egress are internal, and the bridges of bus and data have no address on the host', () => {
  for (const name of ['bus', 'data', 'egress']) assert.equal(compose.networks[name]?.internal, true, name);
  for (const name of ['bus', 'data']) assert.equal(compose.networks[name]?.driver_opts?.['com.docker.network.bridge.inhibit_ipv4'], 'true', name);
  assert.equal(compose.networks['edge']?.driver_opts?.['com.docker.network.bridge.enable_ip_masquerade'], 'false');
});

test('nothing leaves the machine unless the owner says so: the proxy of runs is in a profile, and alone in its way out', () => {
  const optional = services.filter(([, service]) => service.profiles !== undefined);
  assert.deepEqual(optional.map(([name, service]) => [name, service.profiles]), [['egress', ['egress']], ['hostlink', ['hostlink']]]);
  assert.deepEqual(services.filter(([, service]) => networksOf(service).includes('internet')).map(([name]) => name), ['egress']);
});

test('one service is in the host\'s network: the relay, with two volumes of sockets that gateway and orchestrator read', () => {
  assert.deepEqual(services.filter(([, service]) => service.network_mode === 'host').map(([name]) => name), ['hostlink']);
  const holders = (volume: string) => services.filter(([, service]) => service.volumes?.some((mounted) => mounted.startsWith(`${volume}:`))).map(([name]) => name);
  assert.deepEqual(holders('hostlink-openclaw'), ['gateway', 'hostlink', 'volumes']);
  assert.deepEqual(holders('hostlink-models'), ['orchestrator', 'hostlink', 'volumes']);
  const { hostlink } = compose.services;
  assert.deepEqual([hostlink?.secrets, hostlink?.ports], [undefined, undefined]);
});

test('each network of a run is internal, has no address on the host, and holds the proxy alone', () => {
  const { egress } = compose.services;
  for (const [index, name] of runNetworks.entries()) {
    const network = compose.networks[name];
    assert.equal(network?.internal, true, name);
    assert.equal(network?.driver_opts?.['com.docker.network.bridge.inhibit_ipv4'], 'true', name);
    assert.deepEqual(network?.ipam?.config.map(({ subnet }) => subnet), [`\${MEGABOT_RUN_PREFIX:-10.231.78}.${index * 8}/29`]);
    assert.deepEqual(services.filter(([, service]) => networksOf(service).includes(name)).map(([service]) => service), ['egress']);
    const address = Array.isArray(egress?.networks) ? undefined : egress?.networks?.[name]?.ipv4_address;
    assert.equal(address, `\${MEGABOT_RUN_PREFIX:-10.231.78}.${index * 8 + 2}`);
    assert.ok(egress?.environment?.['EGRESS_SLOTS']?.split(',').includes(`${name}=${address}`), name);
  }
  // Else a run could send packets through the proxy's container, or reach the address that another run has for it.
  assert.deepEqual(egress?.sysctls, { 'net.ipv4.ip_forward': '0', 'net.ipv4.conf.all.arp_ignore': '1', 'net.ipv4.conf.all.accept_source_route': '0' });
});

test('the proxy holds no secret, and its socket is shared with the sandbox alone', () => {
  assert.equal(compose.services['egress']?.secrets, undefined);
  const mounting = services.filter(([, service]) => service.volumes?.some((volume) => volume.startsWith('egress-control:'))).map(([name]) => name);
  assert.deepEqual(mounting, ['sandbox', 'egress', 'volumes']);
});

for (const [name, service] of services) {
  test(`${name} is read-only, without capabilities, cannot gain any, and its log is rotated`, () => {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ['ALL']);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
    assert.equal(service.privileged, undefined);
    assert.equal(service.container_name, undefined);
    assert.ok(service.logging);
    const granted: Record<string, string[]> = { postgres: ['CHOWN', 'SETUID', 'SETGID', 'FOWNER', 'DAC_OVERRIDE'], volumes: ['CHOWN'] };
    assert.deepEqual(service.cap_add ?? [], granted[name] ?? []);
    assert.match(service.image ?? '', /:[\w.-]+$/);
    assert.doesNotMatch(service.image ?? '', /:latest$/);
  });
}

for (const [name, service] of longRunning) {
  test(`${name} restarts, has limits and a health check`, () => {
    assert.equal(service.restart, 'unless-stopped');
    assert.ok(service.mem_limit && service.pids_limit && service.healthcheck);
  });
}
