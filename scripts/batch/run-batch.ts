import { setMaxListeners } from 'node:events';
import type { WaggleClient } from '../../shared/client/client.js';
import { ProblemError } from '../../shared/client/errors.js';
import type { OnWait } from '../../shared/client/retry.js';
import { count } from '../lib/figures.js';
import { errorFigures } from './accuracy.js';
import { STANDARD } from './input/open-source.js';
import { openOutput } from './output/open-output.js';
import { partsOf } from './part.js';
import { type BatchRequest, planRun, type RunPlan } from './plan.js';
import { prefetch } from './flow.js';
import { Progress, type ProgressDisplay } from './progress.js';
import { ResultWriter } from './result-writer.js';
import { submitBatches } from './submit-batches.js';
import { submitJobs } from './submit-jobs.js';
import type { SubmittedPart } from './submitted-part.js';
import type { BatchSummary } from './summary.js';

/** Where a run gets its answers from and tells how it goes. */
export interface RunContext {
  client: WaggleClient;
  signal: AbortSignal;
  display: ProgressDisplay;
  /** Told of what a person should know meanwhile. */
  tell: (line: string) => void;
  onWait: OnWait;
}

/** Parts that are with the server, beside the one whose results are read. */
const PARTS_AHEAD = 2;

/**
 * Sends the rows of a file through the server and writes them with their results, in order, each once. Takes up a
 * run that broke off where its checkpoint says. Throws an AppError when the run cannot go on; the rows written until
 * then count.
 */
export async function runBatch(request: BatchRequest, context: RunContext): Promise<BatchSummary> {
  const plan = await planRun(request, context);
  const summary = await carryOut(plan, context);
  plan.checkpoint.remove();
  return summary;
}

async function carryOut(plan: RunPlan, context: RunContext): Promise<BatchSummary> {
  const { request, columns, checkpoint, comparison } = plan;
  const startedMs = Date.now();
  const { rows: rowsBefore, outputBytes } = checkpoint.run.progress;
  announce(plan, context);
  const { output, sink } = await openOutput(request.out, request.outFormat, columns, outputBytes);
  const writer = new ResultWriter(output, checkpoint, comparison?.output);
  const batches: string[] = [];
  const progress = new Progress(context.display, rowsBefore);
  const failing = new AbortController();
  const signal = AbortSignal.any([context.signal, failing.signal]);
  setMaxListeners(0, signal);
  try {
    const parts = submitted(plan, { context: { ...context, signal }, progress, batches });
    for await (const { part, outcomes } of prefetch(parts, PARTS_AHEAD)) {
      // Of a part that an earlier run had begun to write, only the rows that it did not write.
      for await (const page of outcomes(Math.max(0, writer.rows - part.firstRow))) {
        await writer.write(part, page);
        progress.written(writer.rows, writer.tally.failed);
      }
    }
    await output.finish();
  } catch (error) {
    // Nobody waits for what is still under way.
    failing.abort(error);
    context.display.end();
    if (isTooLarge(error)) context.tell('the server takes smaller batches only: set --batch-rows');
    if (checkpoint.path !== undefined) {
      await writer.commit();
      const { rows } = checkpoint.run.progress;
      if (rows > 0) {
        context.tell(`${count(rows)} rows are in ${request.out}: the same command goes on from there`);
      }
    }
    throw error;
  } finally {
    context.display.end();
    await sink.close();
  }
  const name = request.out === STANDARD ? 'standard output' : request.out;
  for (const note of output.notes()) context.tell(`${name} has ${note}`);
  const seconds = (Date.now() - startedMs) / 1000;
  return summaryOf(plan, writer, { seconds, rowsBefore, batches });
}

/** Everything after the row that was written last, as the server has it. */
function submitted(
  { request, source, checkpoint, toInput, comparison, model }: RunPlan,
  { context, progress, batches }: { context: RunContext; progress: Progress; batches: string[] },
): AsyncGenerator<SubmittedPart, void, undefined> {
  const { client, signal } = context;
  const { rowsPerPart, mode, concurrency, gzip = false, outageMs, outFormat } = request;
  const { runId, jobsTogether: together, progress: before } = checkpoint.run;
  const actualOf = comparison?.actualOf;
  const isCopied = outFormat === 'parquet' && source.parquet !== undefined;
  const parts = partsOf(source, before.partRow, {
    toInput,
    actualOf,
    rowsPerPart,
    wanted: isCopied ? new Set([...toInput.columns, ...(comparison?.columns ?? [])]) : undefined,
    onRead: (rows, share) => progress.read(rows, share),
  });
  const options = { model: model.name, runId, signal, outageMs, onWait: context.onWait };
  if (mode === 'jobs') return submitJobs(client, parts, { ...options, concurrency, together });
  return submitBatches(client.batches, parts, { ...options, gzip, onBatch: ({ id }) => batches.push(id) });
}

const isTooLarge = (error: unknown): boolean => error instanceof ProblemError && error.problem.status === 413;

function announce({ checkpoint, request, renamedColumns }: RunPlan, { tell }: RunContext): void {
  const { rows } = checkpoint.run.progress;
  if (rows > 0) tell(`going on after row ${count(rows)} of ${request.input} (${checkpoint.path})`);
  if (checkpoint.path === undefined) {
    const what = request.out === STANDARD ? 'output' : 'input';
    tell(`standard ${what} comes once: this run cannot be taken up when it breaks off`);
  }
  for (const [column, name] of renamedColumns) {
    tell(`the column ${column} of the input is ${name} in the output, whose ${column} is the model's`);
  }
}

function summaryOf(
  { request, model, comparison }: RunPlan,
  { tally, accuracy, rows }: ResultWriter,
  { seconds, rowsBefore, batches }: { seconds: number; rowsBefore: number; batches: string[] },
): BatchSummary {
  const figures = errorFigures(accuracy);
  return {
    model: `${model.name} ${model.version}`,
    mode: request.mode,
    input: request.input,
    out: request.out,
    rows,
    succeeded: tally.succeeded,
    failed: tally.failed,
    failures: tally.failures,
    seconds,
    rows_per_second: (rows - rowsBefore) / seconds,
    ...(rowsBefore > 0 ? { resumed_at_row: rowsBefore } : {}),
    batches,
    ...(figures && comparison
      ? {
          accuracy: {
            ...figures,
            unit: comparison.unit,
            output: comparison.output,
            actual: comparison.actual,
          },
        }
      : {}),
  };
}
