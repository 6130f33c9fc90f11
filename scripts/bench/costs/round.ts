import { type Costs, MEASURED_MAX_BATCH } from '../../capacity/costs.js';
import { Readable } from 'node:stream';
import { JobStore } from '../../../shared/jobs/job-store.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { median } from '../../lib/figures.js';
import { type Act, runClients } from '../load/clients.js';
import { send } from '../load/http.js';
import { ask, submitOnly, jobPath } from '../load/job-clients.js';
import { requestText } from '../load/raw-connection.js';
import { runBatch } from '../load/run-batch.js';
import { PROCESS_KINDS } from '../service.js';
import type { BenchWorker, WaggleAndWorkers } from '../subjects/waggle-and-workers.js';
import { peakMb } from '../subjects/processes.js';
import { LINEAR_MODEL, meanInputBytes } from '../subjects/peer.js';
import { costBetween, keptBetween, type Usage, usageNow } from './usage.js';

/** Rows of the batches. */
export const ROWS = 500_000;

const JOBS = 10_000;
/** Jobs that a fresh worker runs before its time is taken. */
const WARM_UP_JOBS = 2_000;
/** Jobs whose records are read for the time in the model. */
const SAMPLES = 2_000;
const CLIENTS = 64;

/** Measures everything once. */
export async function measureRound(service: WaggleAndWorkers, pieces: readonly string[]): Promise<Costs> {
  const waitingRow = await measureWaitingRows(service, pieces);
  const before = await service.succeeded();
  const empty = await now(service);
  const paths: string[] = [];
  await crowd(
    service,
    submitOnly(service.submits, (body) => paths.push(jobPath(body))),
  );
  const queued = await now(service);
  const polls = paths.map((path) => requestText('GET', path));
  await crowd(
    service,
    ask(polls, () => true),
  );
  const polled = await now(service);
  const worker = await service.startWorker();
  try {
    const run = await measureRun(service, worker, before);
    const predictMs = await medianPredictMs(service, paths);
    const drained = await now(service, worker);
    await crowd(service, ask(service.asks, service.hasResult));
    const waited = await now(service, worker);
    await runBatch(service.url, pieces, LINEAR_MODEL);
    const rowsRun = await now(service, worker);
    const ofWorker = peakMb([worker.pid], PROCESS_KINDS);
    return {
      submit: costBetween(empty, queued, JOBS),
      poll: costBetween(queued, polled, JOBS),
      run,
      wait: costBetween(drained, waited, JOBS),
      thousandRows: costBetween(waited, rowsRun, ROWS / 1000),
      kept: {
        queuedJob: keptBetween(empty, queued, JOBS),
        endedJob: keptBetween(empty, drained, JOBS),
        waitingRow,
        endedRow: keptBetween(waited, rowsRun, ROWS),
      },
      resident: {
        api: service.peakMb()['api'] ?? 0,
        worker: ofWorker['worker'] ?? 0,
        inference: ofWorker['inference'] ?? 0,
      },
      predictMs,
      inputBytes: meanInputBytes(),
    };
  } finally {
    await worker.stop();
  }
}

const now = (service: WaggleAndWorkers, worker?: BenchWorker): Promise<Usage> =>
  usageNow(service.redis, { service, worker });

/** Lets a crowd of clients do one thing once for each measured job. */
const crowd = (service: WaggleAndWorkers, act: Act) =>
  runClients({ port: service.port, clients: CLIENTS, until: { count: JOBS } }, act);

/** Memory of a row of a batch that nobody runs. The batch is canceled. */
async function measureWaitingRows(service: WaggleAndWorkers, pieces: readonly string[]): Promise<number> {
  const before = await now(service);
  const { url } = service;
  const { status, body } = await send(`${url}/batches?model=${LINEAR_MODEL}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Readable.from(pieces),
  });
  if (status !== 202) throw new Error(`a batch was answered with ${status}: ${body}`);
  const waiting = keptBetween(before, await now(service), ROWS);
  await send(`${url}/batches/${(JSON.parse(body) as { id: string }).id}`, { method: 'DELETE' });
  return waiting;
}

/** Lets a fresh worker work the jobs off, and takes its time once it has warmed up. */
async function measureRun(
  service: WaggleAndWorkers,
  worker: BenchWorker,
  before: number,
): Promise<Costs['run']> {
  const start = await service.whenSucceeded(before + WARM_UP_JOBS);
  const from = await now(service, worker);
  const end = await service.whenSucceeded(before + JOBS);
  return costBetween(from, await now(service, worker), end.done - start.done);
}

/** Time of full micro-batches in the model, by the records of their jobs, in ms. */
async function medianPredictMs({ redis }: WaggleAndWorkers, paths: readonly string[]): Promise<number> {
  const store = new JobStore(new RecordScripts(redis, ''));
  const jobs = await store.findAll(
    paths.slice(-SAMPLES).map((path) => path.slice(path.lastIndexOf('/') + 1)),
  );
  const full = jobs.flatMap((job) =>
    job.state === 'succeeded' && job.timings?.batchSize === MEASURED_MAX_BATCH ? [job.timings.predictMs] : [],
  );
  if (full.length === 0) throw new Error(`no micro-batch had ${MEASURED_MAX_BATCH} jobs`);
  return median(full);
}
