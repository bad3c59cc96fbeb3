import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { egressGoodbye, EgressReply } from '@megabot/contracts/egress.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../../', import.meta.url));
const project = 'megabot-egress-it';
const prefix = '10.231.94';
const [namespace, link, hostAddress, site] = ['megabot-inet', 'megabot-inet0', '11.22.33.1', '11.22.33.2'];
const root = process.getuid?.() === 0;

/** The proxy of the shipped Compose file on the real engine, and an internet of one machine behind the host. */
suite('a command in the network of a run', { skip: root ? false : 'only root can stand in for the internet' }, () => {
  let folder: string;
  let internet: ChildProcess | undefined;
  let seen: string[];
  let environment: NodeJS.ProcessEnv;
  const compose = async (...words: string[]): Promise<string> =>
    (await run('docker', ['compose', '-p', project, '--profile', 'egress', '-f', 'docker-compose.yml', '-f', join(folder, 'overlay.yml'), ...words], { cwd: repository, env: environment })).stdout;
  const ip = async (...words: string[]): Promise<unknown> => await run('ip', words);
  const removeInternet = async (): Promise<void> => {
    internet?.kill('SIGKILL');
    await ip('link', 'delete', link).catch(() => undefined);
    await ip('netns', 'delete', namespace).catch(() => undefined);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'egress-it-'));
    environment = { PATH: process.env['PATH'], HOME: folder, MEGABOT_HOME: folder, MEGABOT_RUN_PREFIX: prefix };
    // The sources as they are, in place of an image that would have to be built; the name server of the stand-in.
    const overlay = {
      services: {
        egress: {
          image: 'node:24-trixie-slim',
          working_dir: '/app/services/egress',
          entrypoint: ['node', '--disable-warning=ExperimentalWarning', 'src/main.ts'],
          dns: [site],
          volumes: ['node_modules', 'libs', 'services/egress'].map((path) => `${repository}${path}:/app/${path}:ro`),
        },
      },
    };
    await writeFile(join(folder, 'overlay.yml'), JSON.stringify(overlay));
    await compose('down', '--volumes', '--timeout', '2').catch(() => undefined);
    await removeInternet();
    await ip('netns', 'add', namespace);
    await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip('address', 'add', `${hostAddress}/24`, 'dev', link);
    await ip('link', 'set', link, 'up');
    for (const words of [['address', 'add', `${site}/24`, 'dev', 'eth0'], ['link', 'set', 'eth0', 'up'], ['link', 'set', 'lo', 'up']]) await ip('-n', namespace, ...words);
    internet = spawn('ip', ['netns', 'exec', namespace, process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./testing/internet.ts', import.meta.url)), site], { stdio: ['ignore', 'pipe', 'inherit'] });
    seen = [];
    await new Promise<void>((resolve) => internet?.stdout?.on('data', (chunk: Buffer) => {
      seen.push(...chunk.toString().split('\n').filter((line) => line !== ''));
      if (seen.includes('ready')) resolve();
    }));
    await compose('up', '--detach', '--wait', '--no-build', 'egress');
  });
  after(async () => {
    await compose('down', '--volumes', '--timeout', '2').catch(() => undefined);
    await removeInternet();
    await rm(folder, { recursive: true, force: true });
  });

  /** What the sandbox does, from the host: root may open the socket in the volume. */
  const grant = async (network: unknown): Promise<{ reply: EgressReply & { ok: true }; end(): Promise<string> }> => {
    const { stdout } = await run('docker', ['volume', 'inspect', `${project}_egress-control`, '--format', '{{.Mountpoint}}']);
    const socket = connect(join(stdout.trim(), 'control.sock'));
    const line = async (): Promise<string> => await new Promise((resolve, reject) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())).once('error', reject));
    socket.write(`${JSON.stringify({ runId: 'run', network, lifetimeMs: 120_000 })}\n`);
    const reply = EgressReply.parse(JSON.parse(await line()));
    if (!reply.ok) return assert.fail(reply.reason);
    return {
      reply,
      end: async () => {
        const summary = line();
        socket.end(egressGoodbye);
        return await summary;
      },
    };
  };
  /** A container as the sandbox makes it, as far as its network is concerned. */
  const inRun = async (reply: EgressReply & { ok: true }, script: string): Promise<string> => {
    const proxy = `http://run:${reply.token}@${reply.address}:${reply.port}`;
    const options = ['run', '--rm', '--network', `${project}_${reply.network}`, '--dns', '192.0.2.1', '--dns-option', 'timeout:1', '--dns-option', 'attempts:1', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', '10002:10002', '--tmpfs', '/tmp'];
    const variables = ['http_proxy', 'https_proxy'].flatMap((name) => ['--env', `${name}=${proxy}`]);
    const { stdout } = await run('docker', [...options, ...variables, 'megabot/sandbox:0.1.0', 'bash', '-c', `exec 2>&1\n${script}`], { maxBuffer: 2 ** 22 });
    return stdout;
  };

  test('reaches the hosts that were granted through the proxy, and no other', async () => {
    const held = await grant({ hosts: ['granted.example', 'inside.example'] });
    seen.length = 0;
    const said = await inRun(held.reply, [
      'curl -sS -m 10 http://granted.example/page', 'curl -sS -m 10 http://other.example/secret', 'curl -sS -m 10 http://inside.example/', `curl -sS -m 10 http://${site}/`,
      'curl -sS -m 10 -o /dev/null https://granted.example/; curl -sS -m 10 -o /dev/null https://other.example/', 'python3 -c "import urllib.request; print(urllib.request.urlopen(\'http://granted.example/python\').read())"',
    ].join('\n'));
    assert.match(said, /content of granted\.example/);
    assert.match(said, /other\.example was not granted to this command; granted: granted\.example/);
    assert.match(said, /inside\.example is not on the public internet/);
    assert.match(said, /only public host names are reached/);
    assert.match(said, /b'content of granted\.example/);
    assert.deepEqual(seen.filter((line) => !line.startsWith('dns ')), ['http granted.example/page', 'tls hello', 'http granted.example/python']);
    // Names that were not granted are not even asked for: nothing leaves in a name.
    assert.ok(!seen.some((line) => line.includes('other')), seen.join('\n'));
    assert.match(await held.end(), /"host":"granted.example","connections":3/);
  });

  test('reaches nothing without the proxy: no address, no name, no host, no other network', async () => {
    const held = await grant('internet');
    const targets = [[site, 80], [hostAddress, 22], [`${prefix}.1`, 22], [`${prefix}.10`, 3128], [`${prefix}.18`, 3128], ['172.17.0.1', 22], ['10.231.77.1', 8000], ['1.1.1.1', 443]] as const;
    seen.length = 0;
    const said = await inRun(held.reply, `python3 - <<'END'
import socket
for host, port in ${JSON.stringify(targets)}:
    for device in (None, b'eth0'):
        s = socket.socket(); s.settimeout(0.7)
        try:
            if device: s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            s.connect((host, port)); print('open', host, port)
        except OSError: pass
        s.close()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try: u.sendto(b'x', (host, 53))
    except OSError: pass
for name in ('granted.example', 'leaked-secret.example', 'nats', 'postgres'):
    try: print('resolved', name, socket.gethostbyname(name))
    except OSError: pass
print('done')
END`);
    assert.equal(said.trim(), 'done');
    assert.deepEqual(seen, []);
    await held.end();
  });

  test('cannot use the token after its run, nor from the network of another', async () => {
    const [one, other] = [await grant('internet'), await grant('internet')];
    const stolen = { ...other.reply, token: one.reply.token };
    assert.match(await inRun(stolen, 'curl -sS -m 5 http://granted.example/'), /no network was granted/);
    await one.end();
    assert.match(await inRun(one.reply, 'curl -sS -m 5 http://granted.example/'), /no network was granted/);
    await other.end();
  });
});
