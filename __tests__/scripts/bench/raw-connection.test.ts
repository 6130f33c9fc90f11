import { createServer, type Server, type Socket } from 'node:net';
import { runClients } from '../../../scripts/bench/load/clients.js';
import { RawConnection, requestText } from '../../../scripts/bench/load/raw-connection.js';

const HEAD = 'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\ncontent-length: 11\r\n\r\n';
const BODY = '{"id":"0"} ';

let server: Server;
let answer: (socket: Socket, request: string) => void;
const requests: string[] = [];
const sockets = new Set<Socket>();
beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket.setEncoding('utf8').on('error', () => undefined));
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (text) => {
      requests.push(String(text));
      answer(socket, String(text));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});
beforeEach(() => {
  requests.length = 0;
});

const port = (): number => {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
};

it('reads an answer that comes in pieces, and sends the next request on the same connection', async () => {
  answer = (socket) => {
    const whole = HEAD + BODY;
    socket.setNoDelay(true).write(whole.slice(0, 30));
    setImmediate(() => {
      socket.write(whole.slice(30, HEAD.length + 4));
      setImmediate(() => socket.write(whole.slice(HEAD.length + 4)));
    });
  };
  const connection = new RawConnection(port());
  for (const path of ['/one', '/two']) {
    const { status, body } = await connection.send(requestText('POST', path, { body: '{"é":1}' }));
    expect([status, body.toString()]).toEqual([202, BODY]);
  }
  expect(sockets.size).toBe(1);
  expect(requests.map((text) => text.split('\r\n', 1)[0])).toEqual([
    'POST /one HTTP/1.1',
    'POST /two HTTP/1.1',
  ]);
  expect(requests[0]).toContain('Content-Length: 8\r\n');
  connection.close();
});

it('refuses an answer that it cannot measure, and one that breaks off', async () => {
  const connection = new RawConnection(port());
  answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  await expect(connection.send(requestText('GET', '/'))).rejects.toThrow('without Content-Length');
  answer = (socket) => socket.end(HEAD);
  await expect(connection.send(requestText('GET', '/'))).rejects.toThrow('closed the connection');
});

it('counts what many clients do until there is enough of it, and stops at the first failure', async () => {
  answer = (socket) => socket.write(HEAD + BODY);
  const load = { port: port(), clients: 4, until: { count: 10 } };
  const { latenciesMs } = await runClients(load, async (connection) => {
    await connection.send(requestText('GET', '/'));
  });
  expect([latenciesMs.length, requests.length]).toEqual([10, 10]);
  await expect(runClients(load, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});
