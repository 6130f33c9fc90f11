import { once } from 'node:events';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { until } from '../support/latch.js';
import { type Headers, TRIP, useApiRig } from '../support/rigs/api-rig.js';

const MIB = 1_048_576;

const env = { REDIS_TIMEOUT_MS: '20000', BATCH_LIMIT_BYTES: String(4_096 * MIB) };
const api = useApiRig({ env });

interface Answer {
  status: number;
  text: string;
  body: { detail: string; errors: { pointer: string; detail: string }[] };
}

async function post(path: string, body: string | Buffer, headers: Headers): Promise<Answer> {
  const response = await fetch(api.url + path, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(body)),
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as Answer['body'] };
}

const NDJSON = { 'content-type': 'application/x-ndjson' };
const GZIP = { ...NDJSON, 'content-encoding': 'gzip' };
const GOOD = `${JSON.stringify(TRIP)}\n`;
/** A row with unknown members whose names are of this length. */
const badRow = (members: number, nameLength: number): string => {
  const names = Array.from({ length: members }, (_, i) => `"${String(i).padEnd(nameLength, 'é')}":1`);
  return `{${names.join()}}\n`;
};

interface Listed {
  id: string;
  status: string;
  rows: { total: number; invalid: number };
}
const newestBatch = async (): Promise<Listed | undefined> =>
  ((await api.call('get', '/batches')).body as { batches: Listed[] }).batches[0];

/** Bytes that the keys of batches take in Redis. */
async function storedBytes(): Promise<number> {
  const { records } = api.ctx.partitions.home;
  const names = await records.redis.command(['KEYS', records.key('batch:*')]);
  const sizes = (Array.isArray(names) ? names : []).map((name) =>
    records.redis.command(['MEMORY', 'USAGE', String(name), 'SAMPLES', '0']),
  );
  return (await Promise.all(sizes)).reduce<number>((sum, bytes) => sum + Number(bytes), 0);
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** CPU time of this process, which serves, meanwhile; and the most of it between two turns of its event loop. */
async function cpuOf<T>(
  work: () => Promise<T>,
): Promise<{ result: T; totalMs: number; longestTurnMs: number }> {
  const startMs = cpuMs();
  let longestTurnMs = 0;
  let isOver = false;
  let lastMs = startMs;
  const turn = (): void => {
    const nowMs = cpuMs();
    longestTurnMs = Math.max(longestTurnMs, nowMs - lastMs);
    lastMs = nowMs;
    if (!isOver) setImmediate(turn);
  };
  turn();
  try {
    const result = await work();
    return { result, totalMs: cpuMs() - startMs, longestTurnMs };
  } finally {
    isOver = true;
  }
}

describe('errors of bad rows', () => {
  it('take a bounded number of bytes, however many members rows have and whatever their names are', async () => {
    const body = gzipSync(badRow(10, 3_000).repeat(400) + badRow(4_000, 4).repeat(50) + GOOD);
    const { result, totalMs, longestTurnMs } = await cpuOf(() => post('/batches', body, GZIP));
    expect(result.status).toBe(202);
    expect(await newestBatch()).toMatchObject({ rows: { total: 451, invalid: 450 } });
    expect(await storedBytes()).toBeLessThan(3 * MIB);
    expect([totalMs < 10_000, longestTurnMs < 200]).toEqual([true, true]);
    await api.call('delete', `/batches/${(await newestBatch())?.id}`);
    const results = await fetch(`${api.url}/batches/${(await newestBatch())?.id}/results`);
    const text = await results.text();
    expect(text.length).toBeLessThan(3 * MIB);
    const [first, last] = [0, 449].map((row) => JSON.parse(text.split('\n')[row] ?? '') as RowError);
    expect(first?.error.errors[3]?.pointer).toMatch(/^#\/0(%C3%A9){63}%E2%80%A6$/);
    expect(last?.error.errors).toHaveLength(16);
    expect(last?.error.errors.at(-1)?.detail).toBe('breaks 3988 further rules, which are not listed');
  });

  it('fail a batch once more than 10,000 of its rows are invalid, which is not read on', async () => {
    const sending = upload({ ...NDJSON, 'idempotency-key': 'bad' });
    const answered = once(sending, 'response') as Promise<[NodeJS.ReadableStream & { statusCode: number }]>;
    sending.write(`${GOOD.repeat(2_000)}${'x\n'.repeat(10_001)}`);
    const [answer] = await answered;
    expect(answer.statusCode).toBe(422);
    let text = '';
    for await (const piece of answer) text += String(piece);
    const problem = JSON.parse(text) as Answer['body'];
    expect(problem.detail).toContain(
      '10001 of the first 12001 rows break rules: a batch fails with more than 10000',
    );
    expect(problem.errors).toHaveLength(100);
    expect(problem.errors[0]?.pointer).toBe('#/2000');
    sending.destroy();
    expect(await newestBatch()).toMatchObject({ status: 'failed', rows: { total: 12_001, invalid: 10_001 } });
    expect(await storedBytes()).toBeLessThan(4_096);
    const corrected = await post('/batches', GOOD + 'x\n'.repeat(10_000), {
      ...NDJSON,
      'idempotency-key': 'bad',
    });
    expect(corrected.status).toBe(202);
  });

  it('fail a batch with fewer that are long', async () => {
    const row = `{"x":"${'a'.repeat(60_000)}"}\n`;
    const body = Buffer.concat(Array.from({ length: 8 }, () => gzipSync(row.repeat(64))));
    const { status, text } = await post('/batches', body, GZIP);
    expect([status, text.length < 65_536]).toEqual([422, true]);
    expect((await newestBatch())?.status).toBe('failed');
  });

  it('of a strict batch are answered with the first hundred and their number', async () => {
    const { status, text, body } = await post(
      '/batches?strict=true',
      gzipSync(badRow(10, 5_000).repeat(300)),
      GZIP,
    );
    expect([status, text.length < 65_536, body.errors.length]).toEqual([422, true, 100]);
    expect(body.detail).toMatch(/^101 of the first 101 rows break rules/);
  });
});

interface RowError {
  error: { errors: { pointer: string; detail: string }[] };
}

const JSON_TYPE = { 'content-type': 'application/json' };

it.each([
  ['many unknown members', badRow(5_000, 5)],
  ['long unknown members', badRow(20, 1_400)],
  ['unknown members beside the input', `{"input":{},${badRow(3_000, 5).slice(1)}`],
])('a job with %s is answered with a bounded list', async (_, body) => {
  for (const path of ['/jobs', '/v1/trip/predict']) {
    const { result, longestTurnMs } = await cpuOf(() => post(path, body, JSON_TYPE));
    // The original service's answer repeats the body.
    expect(result.text.length).toBeLessThan(path === '/jobs' ? 65_536 : 131_072);
    expect([result.status, longestTurnMs < 200]).toEqual([path === '/jobs' ? 422 : 400, true]);
  }
});

it('a job with half a character in the name of a member is answered 422', async () => {
  const { status, body } = await post('/jobs', '{"input":{"\\ud800":1}}', JSON_TYPE);
  expect(status).toBe(422);
  expect(body.errors).toContainEqual({ pointer: '#/input/%EF%BF%BD', detail: 'is not a known member' });
});

it('a CSV header of thousands of names is answered with a bounded list', async () => {
  const header = Array.from({ length: 8_000 }, (_, i) => `c${i}`).join();
  const { status, text } = await post('/batches', `${header}\n1\n`, { 'content-type': 'text/csv' });
  expect([status, text.length < 65_536]).toEqual([422, true]);
});

/** Blank lines: gzip of a thousandth of their size, made of members that are all the same. */
const blankLines = (mebibytes: number): Buffer =>
  Buffer.concat(Array<Buffer>(mebibytes).fill(gzipSync(Buffer.alloc(MIB, '\n'))));

const upload = (headers: Headers): ClientRequest => {
  const sending = httpRequest(`${api.url}/batches`, { method: 'POST', headers });
  sending.on('error', () => undefined);
  return sending;
};

describe('blank lines', () => {
  it('cost next to nothing, and others are answered meanwhile', async () => {
    const body = Buffer.concat([blankLines(6), gzipSync(GOOD)]);
    let others = 0;
    const { result, totalMs, longestTurnMs } = await cpuOf(async () => {
      const uploading = post('/batches', body, GZIP);
      let answer: Answer | undefined;
      while (!answer) {
        expect((await api.submit({ input: TRIP })).status).toBe(202);
        others += 1;
        answer = await Promise.race([uploading, Promise.resolve(undefined)]);
      }
      return answer;
    });
    expect(result.status).toBe(202);
    expect((await newestBatch())?.rows.total).toBe(1);
    expect([totalMs < 12_000, longestTurnMs < 200, others > 0]).toEqual([true, true, true]);
  });

  it('are not read on once the client has left', async () => {
    const some = await cpuOf(() => post('/batches', blankLines(24), GZIP));
    expect(some.result.status).toBe(422);
    const sending = upload(GZIP);
    sending.end(blankLines(240));
    await until(async () => (await newestBatch())?.status === 'accepting', { what: 'the upload' });
    const { totalMs } = await cpuOf(async () => {
      sending.destroy();
      await until(async () => (await newestBatch())?.status === 'canceled', { what: 'its end' });
    });
    expect(totalMs).toBeLessThan(3 * some.totalMs);
  });

  it('are not read on once the batch has ended', async () => {
    const sending = upload(NDJSON);
    const answered = once(sending, 'response') as Promise<[{ statusCode: number }]>;
    const drip = setInterval(() => sending.write('\n'), 20);
    const batch = await until(newestBatch, { what: 'the upload' });
    await api.call('delete', `/batches/${batch.id}`);
    const [{ statusCode }] = await answered;
    clearInterval(drip);
    sending.destroy();
    expect(statusCode).toBe(409);
  }, 20_000);
});

it.each(['gzip, gzip', 'deflate', 'br', 'zstd'])(
  'nothing is read that is encoded as %s',
  async (encoding) => {
    const headers = { 'content-encoding': encoding };
    expect((await post('/batches', blankLines(1), { ...NDJSON, ...headers })).status).toBe(415);
    expect((await post('/jobs', blankLines(1), { ...JSON_TYPE, ...headers })).status).toBe(415);
  },
);
