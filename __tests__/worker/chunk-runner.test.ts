import type { ChunkResult } from '../../shared/batches/chunk-leases.js';
import { encodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ClaimedJob } from '../../shared/jobs/claimed-job.js';
import { type Columns, createColumnLayout } from '../../shared/model/columns.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { NO_TRACER } from '../../shared/tracing/tracer.js';
import type { Prediction } from '../../worker/inference/child/model-runtime.js';
import { InferenceLostError } from '../../worker/inference/inference-errors.js';
import { ChunkRunner } from '../../worker/jobs/chunk-runner.js';
import { HeldJob } from '../../worker/jobs/held-job.js';
import { openLane, type WorkerServices } from '../../worker/jobs/lane.js';
import { WorkerMetrics } from '../../worker/jobs/metrics.js';
import type { LoadedModel } from '../../worker/models/loaded-model.js';
import { Turns } from '../../worker/models/turns.js';
import { until } from '../support/latch.js';
import { FIXTURES } from '../support/paths.js';
import { recordingLog } from '../support/recording-log.js';

const layout = createColumnLayout(readManifest(`${FIXTURES}/faulty`));

/** A runner whose inference process keeps each prediction until the test answers it. */
async function open() {
  const sent: { columns: Columns; answer: () => void; lose: () => void }[] = [];
  const predict = (columns: Columns) =>
    new Promise<Prediction>((resolve, reject) => {
      sent.push({
        columns,
        answer: () => resolve({ outputs: [new Float32Array(columns.rows)], predictMs: 1, numTensors: 0 }),
        lose: () => reject(new InferenceLostError('crashed', 'SIGSEGV')),
      });
    });
  const turns = new Turns();
  const inference = { predict, ready: () => Promise.resolve(), kill: () => undefined };
  const manifest = readManifest(`${FIXTURES}/faulty`);
  const current = { manifest, layout, inference, isValidRow: () => true };
  const services = {
    metrics: new WorkerMetrics(() => []),
    tracer: NO_TRACER,
    maxBatch: 64,
    leaseMs: 60_000,
    log: recordingLog(),
  };
  const model = { name: 'faulty', current, turns } as unknown as LoadedModel;
  const runner = new ChunkRunner(openLane(model, 'chunks', services as unknown as WorkerServices));
  const committed: string[] = [];
  const retried: string[] = [];
  /** A claimed chunk of four rows. */
  const chunk = (id: string): HeldJob => {
    const packed = encodeChunk(layout, { columns: layout.allocate(4), holes: new Uint32Array() });
    const claimed = { id, attempts: 1, record: { timeoutMs: 60_000, about: {} } } as unknown as ClaimedJob;
    const job = new HeldJob(claimed, {
      chunks: {
        columns: () => Promise.resolve(packed),
        commit: ({ id: committedId }: ClaimedJob, { outputs }: ChunkResult) => {
          committed.push(`${committedId}: ${outputs.rows} rows`);
          return Promise.resolve('committed');
        },
      },
      leases: {
        retry: (failures: { job: ClaimedJob }[]) => {
          retried.push(...failures.map(({ job: { id: failedId } }) => failedId));
          return Promise.resolve(failures.map(() => 'queued'));
        },
      },
      keeper: { letGo: () => undefined },
    } as unknown as HeldJob['partition']);
    runner.accept(job);
    return job;
  };
  return { runner, turn: await turns.take('chunks'), turns, sent, chunk, committed, retried };
}

/** The same with one chunk that runs, and another one behind it in the process. */
async function handOn() {
  const rig = await open();
  const { runner, turn, sent, chunk } = rig;
  const [first, second] = [chunk('b:0'), chunk('b:1')];
  const run = runner.run([first], turn);
  await until(() => sent.length === 1);
  runner.prepare([second], turn);
  await until(() => sent.length === 2);
  return { ...rig, second, run };
}

it('hands the next chunk on while one runs, and sends it no second time', async () => {
  const { runner, turn, sent, second, run, committed } = await handOn();
  expect(runner.isAhead).toBe(true);
  sent[0]?.answer();
  expect(await run).toBe(true);
  sent[1]?.answer();
  expect(await runner.run([second], turn)).toBe(true);
  expect(sent).toHaveLength(2);
  expect(runner.isAhead).toBe(false);
  await until(() => committed.length === 2);
  expect(committed).toEqual(['b:0: 4 rows', 'b:1: 4 rows']);
});

it('hands nothing on while single jobs wait, nor after its turn', async () => {
  const { runner, turn, turns, sent, chunk } = await open();
  const [first, second] = [chunk('b:0'), chunk('b:1')];
  const run = runner.run([first], turn);
  await until(() => sent.length === 1);
  const waiting = turns.take('jobs');
  runner.prepare([second], turn);
  await new Promise(setImmediate);
  expect(runner.isAhead).toBe(false);
  sent[0]?.answer();
  await run;
  turn.end();
  (await waiting).end();
  runner.prepare([second], turn);
  await new Promise(setImmediate);
  expect([runner.isAhead, sent.length]).toEqual([false, 1]);
});

it('charges the chunk that ran when the process dies, and not the one that waits in it', async () => {
  const { runner, sent, second, run, retried } = await handOn();
  for (const { lose } of sent) lose();
  expect(await run).toBe(false);
  expect([runner.isAhead, second.isLive]).toEqual([false, true]);
  await until(() => retried.length > 0);
  expect(retried).toEqual(['b:0']);
});

it('watches a chunk that it has handed on, though its batch was canceled meanwhile', async () => {
  const { runner, turn, sent, second, run, committed } = await handOn();
  sent[0]?.answer();
  await run;
  second.decide();
  let isOver = false;
  const next = runner.run([second], turn).finally(() => (isOver = true));
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  sent[1]?.answer();
  await next;
  expect(committed).toEqual(['b:0: 4 rows']);
});
