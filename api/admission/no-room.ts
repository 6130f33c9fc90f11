import type { NoRoom } from '../../shared/jobs/new-job.js';
import { ProblemError } from '../http/problem.js';

const RETRY_SECONDS = 5;

/** The problem of a queue that takes no more `what`: of all callers, or of this owner. */
export function noRoomProblem(
  refusal: NoRoom,
  { what, model, owner }: { what: 'jobs' | 'chunks'; model: string; owner: string },
): ProblemError {
  const after = { retryAfterSeconds: RETRY_SECONDS };
  return refusal.kind === 'full'
    ? new ProblemError('queue-full', `${refusal.depth} ${what} wait for ${model} already`, after)
    : new ProblemError(
        'too-many-waiting',
        `${refusal.waiting} ${what} of ${owner} wait for ${model}, and the queue has no more room than that for everybody: ` +
          'let some of them end, or cancel some',
        after,
      );
}
