import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import express from 'express';
import { type ApiServer, startServer } from '../../api/server.js';
import { createLatch } from '../support/latch.js';

const HERE = { host: '127.0.0.1', port: 0 };
const servers: ApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function serve(app = express()): Promise<ApiServer> {
  const server = await startServer(app, HERE);
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

it('says what to do when the port is taken', async () => {
  const { port } = await serve();
  await expect(startServer(express(), { ...HERE, port })).rejects.toThrow(
    /is another server there\? Set PORT/,
  );
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
