import type { BatchRow } from '../../shared/contract/batch.js';
import { ProblemError } from '../../shared/client/errors.js';
import type { RetryOptions } from '../../shared/client/retry.js';
import type { Part } from './part.js';

/** A part that the server has. */
export interface SubmittedPart {
  part: Part;
  /** Outcomes of its rows from row `from` of the part on: each row once, in order, numbered within the part. */
  outcomes: (from: number) => AsyncIterable<readonly BatchRow[]>;
}

/** Options of submitting parts. */
export interface SubmitOptions extends RetryOptions {
  model: string;
  /** Names the submissions of this run: after an interruption the same rows get the same Idempotency-Key. */
  runId: string;
  signal: AbortSignal;
}

/** Number of repeats for rows whose submission the server has forgotten. */
export const MOST_RESUBMISSIONS = 3;

/** Whether the server knows nothing of what it has taken: its store has lost its last moments, or it is long ago. */
export const isForgotten = (error: unknown): boolean =>
  error instanceof ProblemError && /\/(?:job|batch)-(?:not-found|gone)$/.test(error.problem.type);
