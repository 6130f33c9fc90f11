import { BatchStore } from '../../shared/batches/batch-store.js';
import { encodeChunk } from '../../shared/batches/chunk-codec.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { createColumnLayout } from '../../shared/model/columns.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { newRecordId } from '../../api/jobs/record-id.js';
import { until } from '../support/latch.js';
import { FIXTURES } from '../support/paths.js';
import { type Act, useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();
const ROWS = 8_000;

/** Stores a batch of one chunk whose rows double their number, but for some; resolves to its id. */
async function store(acts: Readonly<Record<number, Act>>): Promise<string> {
  const layout = createColumnLayout(readManifest(`${FIXTURES}/faulty`));
  const columns = layout.allocate(ROWS);
  for (let row = 0; row < ROWS; row += 1) {
    layout.write(columns, row, { act: acts[row] ?? 'answer', value: row % 400 });
  }
  const batches = new BatchStore(rig.records);
  const id = newRecordId(rig.records);
  const limits = { timeoutMs: 20_000, maxAttempts: 1, resultTtlMs: 60_000, queueTtlMs: 60_000 };
  const batch = {
    id,
    model: 'faulty',
    queue: chunkQueueOf('faulty'),
    owner: '',
    chunkRows: ROWS,
    strict: false,
  };
  await batches.create({ ...batch, ...limits }, 9);
  const holes = Uint32Array.of(7);
  await batches.add(id, {
    number: 0,
    rows: ROWS - 1,
    columns: encodeChunk(layout, { columns, holes }),
    invalid: { 7: [] },
  });
  await batches.complete(id, '');
  return id;
}

it('runs a long chunk some rows after the other, and single jobs in between', async () => {
  const batches = new BatchStore(rig.records);
  const acts: Record<number, Act> = { 1_500: 'hold' };
  for (let row = 4_000; row < ROWS; row += 200) acts[row] = 'slow';
  const id = await store(acts);
  await rig.start();
  await rig.isHeld();
  const jobId = await rig.order('answer', 3);
  rig.letGo();
  const job = await rig.reaches(jobId, 'succeeded');
  const batch = await until(async () => {
    const found = await batches.find(id);
    return found?.state === 'succeeded' && found;
  });
  expect(job.finishedMs).toBeLessThan(batch.finishedMs ?? 0);
  const [doubled] = (await batches.results(id, 0, [1])).outputs?.values ?? [];
  expect(batch.rows).toEqual({ total: ROWS, succeeded: ROWS - 1, failed: 0, invalid: 1 });
  expect(doubled).toHaveLength(ROWS);
  const expected = Float32Array.from({ length: ROWS }, (_, row) =>
    row === 7 ? Number.NaN : (row % 400) * 2,
  );
  expect(doubled).toEqual(expected);
});
