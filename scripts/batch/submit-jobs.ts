import { setMaxListeners } from 'node:events';
import { isEnded, type EndedJob } from '../../shared/client/bodies.js';
import type { BatchRow, BatchRowError } from '../../shared/contract/batch.js';
import type { WaggleClient } from '../../shared/client/client.js';
import { ProblemError } from '../../shared/client/errors.js';
import { persist } from '../../shared/client/retry.js';
import type { Part } from './part.js';
import { Slots } from './flow.js';
import { isForgotten, MOST_RESUBMISSIONS, type SubmitOptions, type SubmittedPart } from './submitted-part.js';

/** Options of submitting jobs. */
export interface SubmitJobsOptions extends SubmitOptions {
  /** Jobs under way at a time. */
  concurrency: number;
}

/** The server is asked to hold its answer so long; after that the job is polled. */
const WAIT_SECONDS = 30;

/** Submits every row as a job of its own, a bounded number of them at a time. */
export async function* submitJobs(
  client: WaggleClient,
  parts: AsyncIterable<Part>,
  options: SubmitJobsOptions,
): AsyncGenerator<SubmittedPart, void, undefined> {
  const slots = new Slots(options.concurrency);
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  setMaxListeners(0, signal);
  for await (const part of parts) {
    const rows: Promise<BatchRow>[] = [];
    for (let row = 0; row < part.inputs.length; row += 1) {
      await slots.take();
      signal.throwIfAborted();
      const outcome = part.problems.has(row)
        ? Promise.resolve({ row })
        : runJob(client, { part, row }, { ...options, signal });
      rows.push(outcome.finally(() => slots.give()));
      // One that cannot be repeated ends them all; it is thrown above, or where its outcome is taken.
      rows[row]?.catch((error: unknown) => failing.abort(error));
    }
    yield { part, outcomes: (from) => onePage(rows.slice(from)) };
  }
}

async function* onePage(rows: Promise<BatchRow>[]): AsyncGenerator<BatchRow[], void, undefined> {
  yield await Promise.all(rows);
}

async function runJob(
  client: WaggleClient,
  { part, row }: { part: Part; row: number },
  options: SubmitOptions,
): Promise<BatchRow> {
  const { model, runId, signal } = options;
  const input = JSON.parse(part.inputs.at(row)) as Record<string, unknown>;
  const idempotencyKey = `${runId}-${part.firstRow + row}`;
  const submit = () => client.submit({ input, model }, { waitSeconds: WAIT_SECONDS, idempotencyKey, signal });
  for (let again = 0; ; again += 1) {
    try {
      const job = await persist(submit, options);
      const ended = isEnded(job) ? job : await client.wait(job.id, options);
      return { row, ...outcomeOf(ended) };
    } catch (error) {
      const refused = refusalOf(error);
      if (refused) return { row, error: refused };
      if (!isForgotten(error) || again === MOST_RESUBMISSIONS) throw error;
    }
  }
}

function outcomeOf({
  id,
  status,
  result,
  error,
}: EndedJob): { error: BatchRowError } | Record<string, unknown> {
  if (status === 'succeeded') return { ...result };
  return { error: error ?? { code: status, message: `job ${id} ended ${status}` } };
}

/** The server's errors about the input, with pointers into the input alone, as a batch has them. */
function refusalOf(error: unknown): BatchRowError | undefined {
  if (!(error instanceof ProblemError) || error.problem.status !== 422) return undefined;
  const errors = error.problem.errors.filter(({ pointer }) => pointer.startsWith('#/input'));
  if (errors.length === 0) return undefined;
  return {
    code: 'invalid_input',
    message: 'the row breaks rules',
    errors: errors.map(({ pointer, detail }) => ({ pointer: `#${pointer.slice('#/input'.length)}`, detail })),
  };
}
