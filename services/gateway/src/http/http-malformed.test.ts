import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { Problem } from '@megabot/contracts/http.ts';
import { startTestGateway, testToken, type TestGateway } from '../testing/test-gateway.ts';

/** Sends bytes as they are, `HOST` and `TOKEN` filled in, and reads until the connection closes. */
async function exchange(megabot: TestGateway, bytes: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(megabot.gateway.httpPort, '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.write(bytes.replaceAll('HOST', `127.0.0.1:${megabot.gateway.httpPort}`).replaceAll('TOKEN', testToken));
  await once(socket, 'close');
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body };
}
const owner = 'Authorization: Bearer TOKEN\r\nConnection: close\r\n\r\n';

describe('what cannot be read at all is a problem like any other', () => {
  const cases: [name: string, bytes: string, status: number][] = [
    ['no HTTP', '\u0016\u0003\u0001garbage\r\n\r\n', 400],
    ['two lengths', 'POST /api/v1/session HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde', 400],
    ['a length and chunks', 'POST /api/v1/session HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['20 KiB of headers', `GET /livez HTTP/1.1\r\nHost: HOST\r\nX-Padding: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a path that is no UTF-8', `GET /api/v1/%E0%A4%A HTTP/1.1\r\nHost: HOST\r\n${owner}`, 400],
    ['an id of 300 characters', `GET /api/v1/runs/${'a'.repeat(300)} HTTP/1.1\r\nHost: HOST\r\n${owner}`, 400],
  ];
  for (const [name, bytes, status] of cases) {
    test(name, async () => {
      await using megabot = await startTestGateway();
      const answer = await exchange(megabot, bytes);
      assert.match(answer.head, /content-type: application\/problem\+json/i);
      const problem = Problem.parse(JSON.parse(answer.body));
      assert.deepEqual([answer.status, problem.status], [status, status]);
      assert.ok(problem.hint.length > 0);
    });
  }
});

test('a target that names a foreign host is foreign, whatever Host says; one that names ours is served', async () => {
  await using megabot = await startTestGateway();
  assert.equal((await exchange(megabot, `GET http://evil.example/api/v1/session HTTP/1.1\r\nHost: HOST\r\n${owner}`)).status, 403);
  assert.equal((await exchange(megabot, `GET http://HOST/api/v1/session HTTP/1.1\r\nHost: HOST\r\n${owner}`)).status, 200);
});

test('HEAD of the events is answered at once', async () => {
  await using megabot = await startTestGateway();
  assert.equal((await exchange(megabot, `HEAD /api/v1/events HTTP/1.1\r\nHost: HOST\r\n${owner}`)).status, 405);
});

test('an offer to speak HTTP/2 is passed over, and the request answered', async () => {
  await using megabot = await startTestGateway();
  assert.equal((await exchange(megabot, 'GET /livez HTTP/1.0\r\nHost: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n')).status, 200);
});
