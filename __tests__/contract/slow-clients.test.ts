import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createApp } from '../../api/app.js';
import { CLIENT_LIMITS } from '../../api/limits.js';
import { startServer } from '../../api/server.js';
import { storeBadRows } from '../support/bad-rows.js';
import { keepingLog } from '../support/keeping-log.js';
import { until } from '../support/latch.js';
import { type ApiRig, type ApiRigOptions, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';
import { useRedis } from '../support/rigs/use-redis.js';

// Long enough for a machine that is busy, short enough to wait for.
const SOON_MS = 300;
const ROW = `${JSON.stringify(TRIP)}\n`;

const server = useRedis();
let api: ApiRig;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Opens the API for the tests of a block. */
function serve(options: ApiRigOptions): void {
  const served = useApiRig({ server, ...options });
  beforeAll(() => {
    api = served;
  });
}

interface Line {
  socket: Socket;
  /** All that came until the connection ended. */
  said: Promise<string>;
}

/** A connection of its own that sends what it is told and no more. */
function open(text: string, port = Number(new URL(api.url).port)): Line {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece;
  });
  socket.write(text);
  // Not by once(): an error, which sending to a closed connection is, would end it before the answer is there.
  const said = new Promise<string>((resolve) => socket.once('close', () => resolve(answer)));
  return { socket, said };
}

const headOf = (path: string, headers: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');

/** What a 408 answer is, read from the line; of any other answer its beginning. */
function timeoutOf(answer: string): unknown {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const isTimeout = head.startsWith('HTTP/1.1 408 ');
  const isProblem = head.includes('\r\nContent-Type: application/problem+json\r\n');
  const isLast = head.includes('\r\nConnection: close\r\n');
  return isTimeout && isProblem && isLast ? JSON.parse(body) : answer.slice(0, 1_000);
}
const REQUEST_TIMEOUT: unknown = expect.objectContaining({ type: '/problems/request-timeout', status: 408 });

describe('a body that takes too long', () => {
  serve({ limits: { bodyMs: SOON_MS } });

  it.each(['/jobs', '/v1/trip/predict'])('is answered 408 when it stalls on its way to %s', async (path) => {
    const { said } = open(
      headOf(path, ['Content-Type: application/json', 'Content-Length: 100']) + '{"input":',
    );
    expect(timeoutOf(await said)).toEqual(REQUEST_TIMEOUT);
  });

  it('is answered 408 all the same when it comes by the byte', async () => {
    const { socket, said } = open(
      headOf('/jobs', ['Content-Type: application/json', 'Content-Length: 5000']),
    );
    const drip = setInterval(() => socket.write(' '), 20);
    expect(timeoutOf(await said)).toEqual(REQUEST_TIMEOUT);
    clearInterval(drip);
  });
});

describe('a body that is refused', () => {
  serve({ env: { BODY_LIMIT_BYTES: '1024' }, limits: { refusedMs: SOON_MS } });

  it.each([
    ['/jobs', 'text/plain', 415],
    ['/jobs', 'application/json', 413],
    ['/batches', 'text/plain', 415],
    ['/nowhere', 'text/plain', 404],
  ])('on its way to %s (%s) is read for a while and no longer', async (path, type, status) => {
    const { socket, said } = open(
      headOf(path, [`Content-Type: ${type}`, 'Content-Length: 1000000']) + ' '.repeat(2_000),
    );
    const drip = setInterval(() => socket.write(' '), 20);
    expect(await said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    clearInterval(drip);
  });
});

describe('an upload that stalls', () => {
  const LONGEST_SILENCE_MS = 500;
  const chunked = (text: string | Buffer): Buffer => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
  };
  const headers = (...more: string[]): string =>
    headOf('/batches', [
      'Content-Type: application/x-ndjson',
      'Transfer-Encoding: chunked',
      'Idempotency-Key: stalls',
      ...more,
    ]);
  const upload = (rows: number): Promise<Response> =>
    fetch(`${api.url}/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': 'stalls' },
      body: ROW.repeat(rows),
    });
  const newest = async () => {
    const { batches } = (await api.call('get', '/batches')).body as {
      batches: { id: string; status: string; rows: { total: number } }[];
    };
    return batches[0];
  };
  /** Keys of batches' rows and of their chunks' records. */
  const stored = async (): Promise<string[]> => {
    const { records } = api.ctx.partitions.home;
    const keys = await records.redis.command(['KEYS', records.key('*')]);
    const found = Array.isArray(keys) ? keys.map(String) : [];
    return found.filter((key) => /:(in|out|invalid|failed)$|batch-idem:/.test(key));
  };

  serve({ env: { CHUNK_ROWS: '4' }, limits: { uploadIdleMs: LONGEST_SILENCE_MS } });

  it.each([
    ['plain', [] as string[], (rows: string): Buffer => Buffer.from(rows)],
    // Cut in the middle, so that some of it can be unpacked.
    ['gzip', ['Content-Encoding: gzip'], (rows: string): Buffer => gzipSync(rows).subarray(0, -4)],
  ])('is answered 408 (%s), canceled, and leaves its key and nothing else behind', async (_, more, pack) => {
    const { socket, said } = open(headers(...more));
    socket.write(chunked(pack(ROW.repeat(9))));
    expect(timeoutOf(await said)).toEqual(REQUEST_TIMEOUT);
    const batch = await newest();
    expect(batch?.status).toBe('canceled');
    await until(async () => (await stored()).length === 0, { what: 'the end of its values' });
    const { batch: chunks } = api.ctx.models.current.default;
    const waiting = await api.ctx.partitions.home.records.redis.command([
      'ZCARD',
      api.ctx.partitions.home.records.key(`queued:${chunks.queue}`),
    ]);
    expect(waiting).toBe(0);
    expect((await upload(1)).status).toBe(202);
  });

  it('is answered 408 when it repeats a key, and the first batch stands', async () => {
    const first = (await (await upload(9)).json()) as { id: string };
    const { socket, said } = open(headers());
    socket.write(chunked(ROW));
    expect(timeoutOf(await said)).toEqual(REQUEST_TIMEOUT);
    expect((await api.call('get', `/batches/${first.id}`)).body).toMatchObject({ status: 'queued' });
  });

  it('may take as long as it likes while something comes', async () => {
    const { socket, said } = open(headers('Connection: close'));
    for (let row = 0; row < 8; row += 1) {
      socket.write(chunked(ROW));
      // Slower than that, all in all, than the longest silence.
      await new Promise((resolve) => setTimeout(resolve, LONGEST_SILENCE_MS / 5));
    }
    socket.write('0\r\n\r\n');
    expect(await said).toMatch(/^HTTP\/1\.1 202 /);
    expect((await newest())?.rows.total).toBe(8);
  });
});

describe('a reader of results that does not read', () => {
  const log = keepingLog();
  serve({ log });

  it('is cut off, and nothing is fetched for it until then', async () => {
    // A second door to the same service, for the one who does not read.
    const impatient = await startServer(createApp(api.ctx), api.ctx.config.listen, {
      ...CLIENT_LIMITS,
      // Longer than the first results take: a client that is cut off before them is not what this is about.
      idleMs: 3 * SOON_MS,
    });
    const id = await storeBadRows(api.ctx.partitions.home.records, LINEAR, { chunks: 60, chunkRows: 1_024 });
    const path = `/batches/${id}/results`;
    const whole = await fetchedDuring(async () => void (await (await fetch(api.url + path)).text()));
    const part = await fetchedDuring(async () => {
      const { socket } = open(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, impatient.port);
      await once(socket, 'data');
      socket.pause();
      await until(() => log.lines.some(({ fields }) => fields?.['client'] !== undefined), {
        what: 'the cut',
      });
    });
    await impatient.close(0);
    expect(part).toBeLessThan(whole / 2);
  });
});

/** Bytes that Redis sends meanwhile. */
async function fetchedDuring(work: () => Promise<void>): Promise<number> {
  const sent = async (): Promise<number> => {
    const stats = String(await api.ctx.partitions.home.records.redis.command(['INFO', 'stats']));
    return Number(/total_net_output_bytes:(\d+)/.exec(stats)?.[1]);
  };
  const before = await sent();
  await work();
  return (await sent()) - before;
}
