import { setMaxListeners } from 'node:events';
import { isEnded, type EndedJob } from '../../shared/client/bodies.js';
import type { BatchRow, BatchRowError } from '../../shared/contract/batch.js';
import type { JobBody } from '../../shared/contract/job.js';
import type { WaggleClient } from '../../shared/client/client.js';
import { ProblemError } from '../../shared/client/errors.js';
import { persist } from '../../shared/client/retry.js';
import type { Part } from './part.js';
import { Slots } from './flow.js';
import { isForgotten, MOST_RESUBMISSIONS, type SubmitOptions, type SubmittedPart } from './submitted-part.js';

/** Options of submitting jobs. */
export interface SubmitJobsOptions extends SubmitOptions {
  /** Jobs under way at a time; never less than go together. */
  concurrency: number;
  /** Rows that are submitted together. */
  together: number;
}

/** The server is asked to hold its answer so long; after that the job is polled. */
const WAIT_SECONDS = 30;
/** Jobs that go together at most, and characters of their inputs after which no more are added: a third of the server's 4 MiB. */
const MOST_TOGETHER = 256;
const MOST_CHARS = 1_000_000;

/** Rows of a part that are submitted together: `end` is the first that is not. */
interface Rows {
  part: Part;
  start: number;
  end: number;
}

/** Rows to submit together, where so many jobs may be under way: half of them. */
export const jobsTogether = (concurrency: number): number =>
  Math.min(MOST_TOGETHER, Math.ceil(concurrency / 2));

/** Submits every row as a job of its own, a bounded number of them at a time, some of these together. */
export async function* submitJobs(
  client: WaggleClient,
  parts: AsyncIterable<Part>,
  options: SubmitJobsOptions,
): AsyncGenerator<SubmittedPart, void, undefined> {
  const { together } = options;
  const slots = new Slots(Math.max(options.concurrency, together));
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  setMaxListeners(0, signal);
  for await (const part of parts) {
    const groups: Promise<BatchRow[]>[] = [];
    for (const rows of rowsTogether(part, together)) {
      for (let row = rows.start; row < rows.end; row += 1) await slots.take();
      signal.throwIfAborted();
      const outcomes = runRows(client, rows, { ...options, signal }).finally(() => {
        for (let row = rows.start; row < rows.end; row += 1) slots.give();
      });
      groups.push(outcomes);
      // One that cannot be repeated ends them all; it is thrown above, or where its outcome is taken.
      outcomes.catch((error: unknown) => failing.abort(error));
    }
    yield { part, outcomes: (from) => onePage(groups, from) };
  }
}

async function* onePage(
  groups: readonly Promise<BatchRow[]>[],
  from: number,
): AsyncGenerator<BatchRow[], void, undefined> {
  yield (await Promise.all(groups)).flat().slice(from);
}

function* rowsTogether(part: Part, most: number): Generator<Rows, void, undefined> {
  let [start, chars] = [0, 0];
  for (let row = 0; row < part.inputs.length; row += 1) {
    const more = part.inputs.at(row).length;
    if (row > start && (row - start === most || chars + more > MOST_CHARS)) {
      yield { part, start, end: row };
      [start, chars] = [row, 0];
    }
    chars += more;
  }
  if (start < part.inputs.length) yield { part, start, end: part.inputs.length };
}

/** Outcomes of rows in their order; those of rows that cannot be submitted are empty. */
async function runRows(
  client: WaggleClient,
  { part, start, end }: Rows,
  options: SubmitOptions,
): Promise<BatchRow[]> {
  const all = Array.from({ length: end - start }, (_, index) => start + index);
  const rows = all.filter((row) => !part.problems.has(row));
  const one = (row: number) => runJob(client, { part, row }, options);
  const entries = rows.length > 1 ? await submitTogether(client, { part, rows }, options) : undefined;
  const outcomes = await Promise.all(
    rows.map((row, index) => {
      const entry = entries?.[index];
      return entry ? followJob(client, { row, entry }, options, () => one(row)) : one(row);
    }),
  );
  const byRow = new Map(outcomes.map((outcome) => [outcome.row, outcome]));
  return all.map((row) => byRow.get(row) ?? { row });
}

/** Undefined where the server does not take these rows together, though it may each by itself. */
function submitTogether(
  client: WaggleClient,
  { part, rows }: { part: Part; rows: readonly number[] },
  options: SubmitOptions,
): Promise<(JobBody | ProblemError)[] | undefined> {
  const { model, runId, signal } = options;
  const requests = rows.map((row) => ({ input: inputOf(part, row), model }));
  const idempotencyKey = `${runId}-${part.firstRow + (rows[0] ?? 0)}-${rows.length}`;
  return persist(
    () =>
      client
        .submitMany(requests, { waitSeconds: WAIT_SECONDS, idempotencyKey, signal })
        .catch((error: unknown) => {
          if (isOfTheWhole(error)) return undefined;
          throw error;
        }),
    options,
  );
}

const isOfTheWhole = (error: unknown): boolean =>
  error instanceof ProblemError &&
  /\/(?:validation-failed|batch-over-rate-limit|queue-full|too-many-waiting|body-too-large)$/.test(
    error.problem.type,
  );

/** `again` submits the row by itself. */
async function followJob(
  client: WaggleClient,
  { row, entry }: { row: number; entry: JobBody | ProblemError },
  options: SubmitOptions,
  again: () => Promise<BatchRow>,
): Promise<BatchRow> {
  if (entry instanceof ProblemError) {
    const refused = refusalOf(entry);
    if (refused) return { row, error: refused };
    if (entry.isPassing || isForgotten(entry)) return again();
    throw entry;
  }
  try {
    return { row, ...outcomeOf(isEnded(entry) ? entry : await client.wait(entry.id, options)) };
  } catch (error) {
    if (isForgotten(error)) return again();
    throw error;
  }
}

const inputOf = (part: Part, row: number) => JSON.parse(part.inputs.at(row)) as Record<string, unknown>;

async function runJob(
  client: WaggleClient,
  { part, row }: { part: Part; row: number },
  options: SubmitOptions,
): Promise<BatchRow> {
  const { model, runId, signal } = options;
  const input = inputOf(part, row);
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
