import { resolve } from 'node:path';
import { loadModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { until } from '../support/latch.js';
import { type Service, startService } from '../support/service.js';

const MODEL = 'trip-duration-linear';
const ROWS = 24_000;

let service: Service;
beforeAll(async () => {
  service = await startService({
    DEFAULT_MODEL: MODEL,
    REDIS_FSYNC: 'always',
    LEASE_MS: '1500',
    CHUNK_ROWS: '64',
    MODELS: MODEL,
  });
});
afterAll(() => service.stop(), 30_000);

interface Batch {
  id: string;
  status: string;
  rows: { total: number; succeeded: number; failed: number; invalid: number };
}

const trip = (i: number) => ({
  PULocationID: 1 + ((i * 37) % 265),
  DOLocationID: 1 + ((i * 101) % 265),
  trip_distance: (i % 300) / 10,
});

/** The batch as it is now; undefined while nobody answers. */
const poll = async (id: string): Promise<Batch | undefined> => {
  const response = await fetch(`${service.url}/batches/${id}`).catch(() => undefined);
  return response?.status === 200 ? ((await response.json()) as Batch) : undefined;
};

/** Kills a process of the service without warning, once the batch has come so far. */
async function killAt(id: string, rows: number, part: string): Promise<void> {
  await until(async () => ((await poll(id))?.rows.succeeded ?? 0) >= rows, {
    timeoutMs: 60_000,
    what: `${rows} rows`,
    everyMs: 20,
  });
  const [pid] = service.pids(part);
  if (pid === undefined) throw new Error(`no process ${part} to kill`);
  process.kill(pid, 'SIGKILL');
}

it('ends a batch with every row once and in order though worker, API and Redis are killed meanwhile', async () => {
  const body = Array.from({ length: ROWS }, (_, i) => `${JSON.stringify(trip(i))}\n`).join('');
  const accepted = await fetch(`${service.url}/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  expect(accepted.status).toBe(202);
  const { id } = (await accepted.json()) as Batch;
  await killAt(id, 1, 'dist/worker/main.js');
  await killAt(id, ROWS / 4, 'dist/api/main.js');
  await killAt(id, ROWS / 2, 'redis-server unixsocket');
  const done = await until(
    async () => {
      const batch = await poll(id);
      return batch?.status === 'succeeded' && batch;
    },
    { timeoutMs: 90_000, what: 'the end of the batch', everyMs: 50 },
  );
  expect(done.rows).toEqual({ total: ROWS, succeeded: ROWS, failed: 0, invalid: 0 });

  const text = await (await fetch(`${service.url}/batches/${id}/results`)).text();
  const results = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { row: number; duration: number });
  expect(results.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
  const expected = await answersOfTheModel();
  const off = results.filter(
    ({ row, duration }) => !(Math.abs(duration - (expected[row] ?? Number.NaN)) <= 1e-4),
  );
  expect(off).toEqual([]);
}, 180_000);

async function answersOfTheModel(): Promise<Float32Array> {
  const runtime = await loadModelRuntime(resolve(__dirname, '../../model', MODEL));
  const batch = runtime.layout.allocate(ROWS);
  for (let row = 0; row < ROWS; row += 1) runtime.layout.write(batch, row, trip(row));
  const { outputs } = await runtime.predict(batch);
  runtime.dispose();
  return outputs[0] ?? new Float32Array();
}
