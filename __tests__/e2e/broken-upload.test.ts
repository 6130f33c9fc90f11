import { once } from 'node:events';
import { type ClientRequest, request } from 'node:http';
import { resolve } from 'node:path';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { useRedis } from '../support/rigs/use-redis.js';

jest.setTimeout(90_000);

const LINEAR = 'trip-duration-linear';
const ROW = '{"PULocationID":130,"DOLocationID":205,"trip_distance":3}\n';

const apis: Program[] = [];
let urls: string[];
afterAll(async () => {
  for (const api of apis) api.signal('SIGKILL');
  await Promise.all(apis.map(({ ended }) => ended));
});
const server = useRedis();
beforeAll(async () => {
  const env = {
    REDIS_URL: server.url,
    KEY_PREFIX: testPrefix(),
    MODELS_DIR: resolve(__dirname, '../../model'),
    DEFAULT_MODEL: LINEAR,
    // Redis is well; only this machine may be slow.
    REDIS_TIMEOUT_MS: '10000',
  };
  apis.push(startProgram('api', env), startProgram('api', env));
  const ports = await Promise.all(apis.map((api) => api.ready()));
  urls = ports.map((port) => `http://127.0.0.1:${port}`);
});

const headersOf = (key: string) => ({ 'content-type': 'application/x-ndjson', 'idempotency-key': key });

/** An upload that has sent one row and sends no more; resolves once its batch is there. */
async function beginUpload(url: string, key: string): Promise<ClientRequest> {
  const before = (await listed()).length;
  const sending = request(`${url}/batches`, { method: 'POST', headers: headersOf(key) });
  sending.on('error', () => undefined);
  sending.write(ROW);
  await until(async () => (await listed()).length > before, { what: 'a batch' });
  return sending;
}

/** States of all batches, newest first, as the API says that stays. */
async function listed(): Promise<string[]> {
  const { batches } = (await (await fetch(`${urls[1]}/batches`)).json()) as { batches: { status: string }[] };
  return batches.map(({ status }) => status);
}

/** A whole upload to the API that stays. */
const upload = async (key: string): Promise<number> =>
  (await fetch(`${urls[1]}/batches`, { method: 'POST', headers: headersOf(key), body: ROW })).status;

it('a killed API leaves the Idempotency-Key of its upload to the next one soon, a slow client never', async () => {
  const slow = await beginUpload(urls[1] ?? '', 'slow');
  const broken = await beginUpload(urls[0] ?? '', 'broken');
  expect([await upload('broken'), await upload('slow')]).toEqual([409, 409]);
  apis[0]?.signal('SIGKILL');
  await apis[0]?.ended;
  // Long before the sweeper would end the upload. The slow client sends nothing all the while.
  const statuses = new Set<number>();
  await until(
    async () => {
      const status = await upload('broken');
      statuses.add(status);
      return status !== 409;
    },
    { timeoutMs: 12_000, what: 'the free key', everyMs: 50 },
  );
  expect(statuses).toEqual(new Set([409, 202]));
  expect(await upload('slow')).toBe(409);
  expect(await listed()).toEqual(['queued', 'canceled', 'accepting']);
  const answered = once(slow, 'response');
  slow.end(ROW);
  const [answer] = (await answered) as [{ statusCode: number }];
  expect(answer.statusCode).toBe(202);
  broken.destroy();
});
