import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedCommand } from './run-command.ts';

test('a typed command is run as it is, byte for byte', () => {
  for (const command of ['ls -la', ' ls', '--network', '--networks=x ls', 'echo --network=pypi.org x', '--network=pypi.org', 'a\n--network=b c']) assert.deepEqual(typedCommand(command), { kind: 'shell', command });
});

test('asks for network with the hosts in front of it', () => {
  assert.deepEqual(typedCommand('--network=PyPI.org,files.pythonhosted.org pip install x\nls'), { kind: 'shell', command: 'pip install x\nls', network: { hosts: ['pypi.org', 'files.pythonhosted.org'] } });
  assert.deepEqual(typedCommand('--network=internet  curl https://example.com'), { kind: 'shell', command: 'curl https://example.com', network: 'internet' });
});

test('is not run where that is no host', () => {
  for (const wanted of ['', 'all', '127.0.0.1', 'localhost', 'pypi.org:22', 'pypi.org,', 'https://pypi.org', '*', 'none']) assert.equal(typeof typedCommand(`--network=${wanted} ls`), 'string', wanted);
});
