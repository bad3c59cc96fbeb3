import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';

/**
 * An internet of one machine, for tests in a network namespace of their own: a name server that knows a few names, a web server,
 * and a server that takes whatever comes on port 443. What reached it is printed, a line each.
 * Arguments: the address of everything.
 */
const [address = '127.0.0.1'] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What each name means; `inside.example` is one that points at the owner's network. */
const names: Readonly<Record<string, string>> = { 'granted.example': address, 'other.example': address, 'inside.example': '10.231.94.2' };

// RFC 1035 §4: the question is given back, with one address behind it.
createSocket('udp4')
  .on('message', function onQuery(this: ReturnType<typeof createSocket>, query, from) {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join('.').toLowerCase();
    const isAddressQuery = query.readUInt16BE(at + 1) === 1;
    const found = isAddressQuery ? names[name] : undefined;
    say(`dns ${name}`);
    const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, found || !isAddressQuery ? 0x80 : 0x83, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0]);
    const answer = found ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...found.split('.').map(Number)]) : Buffer.alloc(0);
    this.send(Buffer.concat([header, query.subarray(12, at + 5), answer]), from.port, from.address);
  })
  .bind(53, address);

createHttpServer((request, response) => {
  say(`http ${request.headers.host ?? ''}${request.url ?? ''}`);
  response.end(`content of ${request.headers.host ?? ''}\n`);
}).listen(80, address);

const taking = createServer((socket) => {
  socket.on('error', () => undefined).once('data', (bytes) => {
    say(`tls ${bytes.length > 100 ? 'hello' : 'something'}`);
    socket.end();
  });
});
taking.listen(443, address, () => say('ready'));
