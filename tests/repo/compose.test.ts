import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { read } from './tree.ts';

interface Service {
  readonly image?: string;
  readonly ports?: string[];
  readonly networks?: string[];
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
  networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string> } | null>;
};
const services = Object.entries(compose.services);
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
  const networks = Object.fromEntries(longRunning.map(([name, service]) => [name, service.networks]));
  assert.deepEqual(networks, {
    gateway: ['edge', 'bus', 'egress'],
    ui: ['edge'],
    orchestrator: ['bus', 'egress'],
    interlock: ['bus', 'data'],
    memory: ['bus', 'data'],
    sandbox: ['bus'],
    nats: ['bus'],
    postgres: ['data'],
  });
});

test('bus, data and egress are internal, and the bridges of bus and data have no address on the host', () => {
  for (const name of ['bus', 'data', 'egress']) assert.equal(compose.networks[name]?.internal, true, name);
  for (const name of ['bus', 'data']) assert.equal(compose.networks[name]?.driver_opts?.['com.docker.network.bridge.inhibit_ipv4'], 'true', name);
  assert.equal(compose.networks['edge']?.driver_opts?.['com.docker.network.bridge.enable_ip_masquerade'], 'false');
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
