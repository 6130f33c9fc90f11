import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadModelRuntime } from '../../worker/inference/model-runtime.js';
import { BalancedClient, type Troubles } from '../support/balanced-client.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { startRedis, type TestRedis, testPrefix } from '../support/redis.js';

const MODEL = 'trip-duration-linear';
const CLIENTS = 6;
/** Between two jobs of a client, in ms: what is to start meanwhile needs some of the machine, too. */
const PAUSE_MS = 40;
/** Jobs that have to end after each change before the next one. */
const BETWEEN = 25;

interface Job {
  id: string;
  status: string;
  input: { PULocationID: number; DOLocationID: number; trip_distance: number };
  result?: { duration: number };
  attempts: number;
}

let redis: TestRedis;
const keyPrefix = testPrefix();
const programs: Program[] = [];
const start = (which: 'api' | 'worker', env: Record<string, string> = {}): Program => {
  const program = startProgram(which, {
    REDIS_URL: redis.url,
    KEY_PREFIX: keyPrefix,
    DEFAULT_MODEL: MODEL,
    MODELS: MODEL,
    TF_ENGINE: 'wasm',
    ...env,
  });
  programs.push(program);
  return program;
};

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  for (const program of programs) program.signal('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await redis.stop();
});

/** Trips spread over zones and distances, the same every time. */
const trip = (i: number) => ({
  PULocationID: 1 + ((i * 37) % 265),
  DOLocationID: 1 + ((i * 101) % 265),
  trip_distance: (i % 300) / 10,
});

it('replaces every API and worker under load without an error, a job lost or one run twice', async () => {
  const apis = [start('api', { PORT: '0' }), start('api', { PORT: '0' })];
  const workers = [start('worker'), start('worker')];
  const ports = await Promise.all(apis.map((api) => api.ready()));
  await Promise.all(workers.map((worker) => worker.ready()));

  const troubles: Troubles = { draining: 0, refused: 0, others: [] };
  const jobs: Job[] = [];
  let submitted = 0;
  const over = new AbortController();
  const client = async (which: number): Promise<void> => {
    const http = new BalancedClient(ports, which, troubles);
    // Half of them wait with the submission, half of them poll.
    const prefer = which % 4 < 2 ? { prefer: 'wait=20' } : {};
    while (!over.signal.aborted) {
      const input = trip(submitted);
      submitted += 1;
      const headers = { 'idempotency-key': randomUUID(), ...prefer };
      let reply = await http.send({ method: 'POST', path: '/jobs', headers, body: { input } });
      for (
        let polls = 0;
        reply.body['status'] === 'queued' || reply.body['status'] === 'running';
        polls += 1
      ) {
        if (polls > 100) throw new Error(`job ${String(reply.body['id'])} does not end`);
        const path = `/jobs/${String(reply.body['id'])}`;
        reply = await http.send({ method: 'GET', path, headers: { prefer: 'wait=1' } });
      }
      jobs.push(reply.body as unknown as Job);
      await sleep(PAUSE_MS);
    }
    http.close();
  };
  const load = Promise.all(Array.from({ length: CLIENTS }, (_, which) => client(which)));
  const moreEnd = async (): Promise<void> => {
    const { length } = jobs;
    await Promise.race([until(() => jobs.length > length + BETWEEN), load]);
  };

  await moreEnd();
  const codes: unknown[] = [];
  for (const [index, port] of ports.entries()) {
    apis[index]?.signal('SIGTERM');
    codes.push(await apis[index]?.ended);
    await start('api', { PORT: String(port) }).ready();
    await moreEnd();
  }
  for (const worker of workers) {
    worker.signal('SIGTERM');
    codes.push(await worker.ended);
    await start('worker').ready();
    await moreEnd();
  }
  over.abort();
  await load;

  expect(codes).toEqual([0, 0, 0, 0]);
  expect(troubles.others).toEqual([]);
  // Without these nothing was replaced under anybody's feet.
  expect(troubles.draining).toBeGreaterThan(0);
  expect(jobs).toHaveLength(submitted);
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(submitted);
  expect(await countRecords()).toBe(submitted);
  expect(jobs.filter(({ status, attempts }) => status !== 'succeeded' || attempts !== 1)).toEqual([]);
  const expected = await answersOfTheModel(jobs.map(({ input }) => input));
  const off = jobs.filter(
    ({ result }, i) => !(Math.abs((result?.duration ?? Number.NaN) - (expected[i] ?? Number.NaN)) <= 1e-4),
  );
  expect(off).toEqual([]);
}, 180_000);

async function countRecords(): Promise<number> {
  const client = await redis.connect();
  return Number(await client.command(['ZCARD', `${keyPrefix}waggle:index:all`]));
}

async function answersOfTheModel(inputs: readonly Job['input'][]): Promise<Float32Array> {
  const runtime = await loadModelRuntime(resolve(__dirname, '../../model', MODEL));
  const batch = runtime.layout.allocate(inputs.length);
  inputs.forEach((input, row) => runtime.layout.write(batch, row, input));
  const { outputs } = await runtime.predict(batch);
  runtime.dispose();
  return outputs[0] ?? new Float32Array();
}
