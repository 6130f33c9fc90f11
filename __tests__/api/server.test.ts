import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import express from 'express';
import { CLIENT_LIMITS, type ClientLimits } from '../../api/limits.js';
import { type ApiServer, startServer } from '../../api/server.js';
import { createLatch, until } from '../support/latch.js';

const HERE = { host: '127.0.0.1', port: 0 };
const servers: ApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function serve(app = express(), limits: Partial<ClientLimits> = {}): Promise<ApiServer> {
  const server = await startServer(app, HERE, { ...CLIENT_LIMITS, ...limits });
  servers.push(server);
  return server;
}

async function answerTo(port: number, text: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.end(text);
  await once(socket, 'close');
  return answer;
}

it('gives requests and responses the prototypes of Express from birth', async () => {
  const app = express();
  const server = await serve(
    app.get('/', (request, response) => {
      const own = [Object.getPrototypeOf(request), Object.getPrototypeOf(response)];
      response.json({ same: own[0] === app.request && own[1] === app.response, ip: request.ip });
    }),
  );
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  expect(await response.json()).toEqual({ same: true, ip: '127.0.0.1' });
});

it('answers 400 to what is no HTTP, and 431 to endless headers', async () => {
  const { port } = await serve();
  expect(await answerTo(port, 'good day\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  const endless = `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
  expect(await answerTo(port, endless)).toMatch(/^HTTP\/1\.1 431 /);
});

it('answers 431 to headers that are too many to fit, and leaves none of the others out', async () => {
  const app = express().get('/', (request, response) => {
    response.json(Object.keys(request.headers).filter((name) => name.startsWith('x')).length);
  });
  const { port } = await serve(app);
  const headers = (count: number): string =>
    Array.from({ length: count }, (_, i) => `x${i.toString(36)}:\r\n`).join('');
  const ask = (count: number): string => `GET / HTTP/1.1\r\nHost: h\r\n${headers(count)}\r\n`;
  expect(await answerTo(port, ask(2_500))).toMatch(/\r\n\r\n2500$/);
  expect(await answerTo(port, ask(5_000))).toMatch(/^HTTP\/1\.1 431 /);
});

it('answers 408 to headers that come by the byte', async () => {
  const { port } = await serve(express(), { headersMs: 200, checkEveryMs: 50 });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: ');
  const drip = setInterval(() => socket.write('x'), 20);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  clearInterval(drip);
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
  socket.destroy();
});

it('says what to do when the port is taken', async () => {
  const { port } = await serve();
  await expect(startServer(express(), { ...HERE, port })).rejects.toThrow(
    /is another server there\? Set PORT/,
  );
});

/** What one connection is answered, request by request. */
function keepAlive(port: number) {
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  return {
    socket,
    closed,
    async ask(): Promise<string> {
      socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString();
    },
  };
}

/** Whether nobody listens there. */
const refuses = (port: number): Promise<boolean> =>
  once(connect(port, '127.0.0.1'), 'connect').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

it('goes on answering for a moment when it closes, then closes idle connections and takes no more', async () => {
  const app = express().get('/', (_request, response) => void response.send('here'));
  const server = await startServer(app, HERE, { ...CLIENT_LIMITS, lingerMs: 300 });
  const [used, unused, silent] = [keepAlive(server.port), keepAlive(server.port), keepAlive(server.port)];
  expect(await Promise.all([used.ask(), unused.ask()])).toEqual(
    Array(2).fill(expect.stringMatching(/here$/)),
  );
  await until(() => silent.socket.readyState === 'open');
  const closing = server.close(10_000);
  expect(await used.ask()).toMatch(/here$/);
  expect(await keepAlive(server.port).ask()).toMatch(/here$/);
  await Promise.all([closing, used.closed, unused.closed, silent.closed]);
  expect(await refuses(server.port)).toBe(true);
});

it('answers the first request of a connection that was made just before it closed', async () => {
  const app = express().get('/', (_request, response) => void response.send('here'));
  const server = await startServer(app, HERE);
  const late = keepAlive(server.port);
  await until(() => late.socket.readyState === 'open');
  const closing = server.close(10_000);
  await until(() => refuses(server.port), { what: 'the end of listening' });
  expect(await late.ask()).toMatch(/here$/);
  await Promise.all([closing, late.closed]);
});

it('sends what is written to its end when it closes, however slowly it is read', async () => {
  const bytes = 20_000_000;
  const app = express().get('/', (_request, response) => void response.end(Buffer.alloc(bytes, 'x')));
  const server = await startServer(app, HERE, { ...CLIENT_LIMITS, lingerMs: 0 });
  const { socket, closed } = keepAlive(server.port);
  socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  await once(socket, 'readable');
  const closing = server.close(10_000);
  // Nothing is read before it has closed what it takes for idle.
  await until(() => refuses(server.port), { what: 'the end of listening' });
  let read = 0;
  socket.on('data', (piece: Buffer) => {
    read += piece.length;
  });
  await Promise.all([closing, closed]);
  expect(read).toBeGreaterThan(bytes);
});

it('lets requests under way finish when it closes, and cuts off those that take longer', async () => {
  const mayFinish = createLatch();
  const arrived = [createLatch(), createLatch()];
  const app = express()
    .get('/soon', async (_request, response) => {
      arrived[0]?.open();
      await mayFinish.opened;
      response.set('Connection', 'close').send('done');
    })
    .get('/never', () => arrived[1]?.open());
  const server = await startServer(app, HERE);
  const soon = fetch(`http://127.0.0.1:${server.port}/soon`).then((response) => response.text());
  const never = fetch(`http://127.0.0.1:${server.port}/never`).catch(() => 'cut off');
  await Promise.all(arrived.map(({ opened }) => opened));
  const closing = server.close(300);
  mayFinish.open();
  expect(await Promise.all([soon, never])).toEqual(['done', 'cut off']);
  await closing;
});
