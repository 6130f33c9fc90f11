import { isBatchEnded } from '../../shared/batches/batch.js';
import { placeOutputs } from '../../shared/model/outputs.js';
import { waitForBatch } from '../batches/batch-view.js';
import { batchPath, presentBatch } from '../batches/present-batch.js';
import { ndjsonResults } from '../batches/results/result-formats.js';
import { resultLines } from '../batches/results/result-lines.js';
import { submitBatch } from '../batches/submit-batch.js';
import type { Row, RowReader } from '../batches/upload/rows.js';
import type { ApiContext } from '../context.js';
import { laneFor } from '../http/caller.js';
import type { Exchange } from '../http/exchange.js';
import { MAX_WAIT_SECONDS, type Preferences } from '../http/prefer.js';
import { ProblemError } from '../http/problem.js';
import type { JobView } from '../jobs/job-view.js';
import { jobJson, jobPath } from '../jobs/present-job.js';
import { parseEntries, type Submission } from '../jobs/submission.js';
import { submitMany } from '../jobs/submit-many.js';
import type { ServedModel } from '../models/served-models.js';
import { requireShareOfWaits } from '../waiting/wait-for-end.js';
import type { Result, Rows } from './model-tensors.js';
import type { Inference } from './read-inference.js';
import { malformed } from './tensors.js';

/** Rows that run as jobs of one request: what a worker takes at once unless MAX_BATCH says otherwise. More are a batch. */
const MOST_JOBS = 64;

/** The results of all rows; or, for a client that does not wait for them, the jobs or the batch as JSON. */
export type Inferred =
  | { results: readonly Result[]; modelVersion: string | undefined }
  | { json: string; location: string | undefined };

/**
 * Runs the rows and waits for all of them, a minute at most; with `respondAsync` no longer than the client says. Throws
 * problems: 400 for a bad row, after which nothing has run; 500 where a row has no result; 504 past the time, and those of a submission.
 */
export async function infer(
  exchange: Exchange,
  ctx: ApiContext,
  model: ServedModel,
  inference: Inference,
  { waitSeconds, respondAsync }: Preferences,
): Promise<Inferred> {
  const wait = {
    seconds: waitSeconds ?? (respondAsync ? undefined : MAX_WAIT_SECONDS),
    isOptional: respondAsync,
  };
  const run = inference.rows.count > MOST_JOBS ? runBatch : runJobs;
  try {
    return await run(exchange, ctx, model, inference, wait);
  } catch (error) {
    throw error instanceof ProblemError && error.code === 'validation-failed' ? badRows(error) : error;
  }
}

/** Seconds to wait, and whether the client takes the jobs or the batch for an answer when they are over. */
interface Wait {
  seconds: number | undefined;
  isOptional: boolean;
}

async function runJobs(
  exchange: Exchange,
  ctx: ApiContext,
  { manifest: { name: model } }: ServedModel,
  { id, rows, bytes }: Inference,
  { seconds, isOptional }: Wait,
): Promise<Inferred> {
  const { bodyLimitBytes } = ctx.config;
  const entries = Array.from({ length: rows.count }, (_, row) => ({
    model,
    input: rows.at(row),
    ...(id === undefined ? {} : { request_id: id }),
    // A client that waits has its answer by then, and knows no job to poll.
    ...(isOptional ? {} : { expires_in_ms: MAX_WAIT_SECONDS * 1000 }),
  }));
  const parsed = parseEntries(
    ctx.models.current,
    entries,
    bytes > bodyLimitBytes ? bodyLimitBytes : undefined,
  );
  const submissions = parsed.map((entry, row): Submission => {
    if (entry instanceof ProblemError) throw problemOfRow(row, entry);
    return entry;
  });
  await ctx.admission.countRows(exchange, { more: rows.count - 1, total: rows.count });
  const submitted = await submitMany(exchange, ctx, submissions, {
    waitSeconds: seconds,
    idempotency: undefined,
  });
  const views = submitted.entries.map((entry): JobView => {
    if (entry instanceof ProblemError) throw entry;
    return entry;
  });
  if (!submitted.hasEnded) {
    if (!isOptional) throw tooLate(seconds);
    const [first] = views;
    if (first && views.length === 1) return { json: jobJson(first), location: jobPath(first.job.id) };
    return { json: `{"jobs":[${views.map(jobJson).join(',')}]}`, location: undefined };
  }
  let modelVersion: string | undefined;
  const results = views.map(({ job }, row): Result => {
    if (job.state === 'expired') throw tooLate(seconds);
    if (job.state === 'failed') throw failed(row, job.failure);
    if (job.state !== 'succeeded') throw failed(row, { code: job.state });
    modelVersion = job.modelVersion;
    return JSON.parse(job.resultJson) as Result;
  });
  return { results, modelVersion };
}

async function runBatch(
  exchange: Exchange,
  ctx: ApiContext,
  model: ServedModel,
  { id, rows }: Inference,
  { seconds, isOptional }: Wait,
): Promise<Inferred> {
  requireShareOfWaits(exchange, ctx.waiters, seconds);
  const { batchId } = await submitBatch(exchange, ctx, {
    model,
    requestId: id,
    priority: laneFor(exchange.caller, undefined),
    idempotencyKey: undefined,
    upload: {
      reader: readerOf(rows),
      gzip: false,
      strict: true,
      fingerprint: false,
      idleMs: ctx.limits.uploadIdleMs,
      ...ctx.config.batches,
    },
  });
  const { view } = await waitForBatch(exchange, ctx, batchId, seconds);
  const { batch } = view;
  if (!isBatchEnded(batch.state)) {
    if (isOptional) return { json: JSON.stringify(presentBatch(view)), location: batchPath(batchId) };
    // Nobody knows of it.
    await ctx.withinDeadline('canceling a batch', () =>
      ctx.partitions.of(batchId).batches.cancel(batchId, undefined),
    );
    throw tooLate(seconds);
  }
  const outputs = placeOutputs(model.manifest);
  const waitFor = () => Promise.resolve(undefined);
  const source = {
    batches: ctx.partitions.of(batchId).batches,
    batch,
    outputs,
    format: ndjsonResults(outputs),
    waitFor,
  };
  const results: Result[] = [];
  for await (const text of resultLines(source, 0)) {
    for (const line of text.toString().trimEnd().split('\n')) {
      const result = JSON.parse(line) as Result & { error?: { code: string; message?: string } };
      if (result.error) throw failed(results.length, result.error);
      results.push(result);
    }
  }
  if (results.length < rows.count) throw failed(results.length, { code: batch.state });
  return { results, modelVersion: batch.modelVersion };
}

/** Gives the rows of a request in place of those of an upload. */
const readerOf = (rows: Rows): RowReader =>
  async function* () {
    yield (function* (): Generator<Row> {
      for (let row = 0; row < rows.count; row += 1) yield { value: rows.at(row), chars: 0 };
    })();
  };

/** The problem of one row with pointers as a batch has them: `#/<row>/<member>`. */
function problemOfRow(row: number, problem: ProblemError): ProblemError {
  const errors = problem.extras.errors?.map(({ pointer = '#', detail }) => ({
    pointer: pointer.replace(/^#(\/input)?/, `#/${row}`),
    detail,
  }));
  return new ProblemError(problem.code, problem.message, { ...problem.extras, errors });
}

const badRows = ({ message, extras: { errors = [] } }: ProblemError): ProblemError =>
  malformed([message, ...errors.map(({ pointer, detail }) => `${pointer} ${detail}`)].join('; '));

const failed = (row: number, { code, message = code }: { code: string; message?: string }): ProblemError =>
  new ProblemError('inference-failed', `row ${row} has no result: ${message}`);

const tooLate = (seconds: number | undefined): ProblemError =>
  new ProblemError(
    'inference-timeout',
    `the prediction had not ended when waiting for it was over, after ${seconds} s at most`,
  );
