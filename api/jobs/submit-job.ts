import { RedisUnavailableError } from '../../shared/errors.js';
import { isEnded } from '../../shared/jobs/job.js';
import { type Awaited, requireShareOfWaits, standBy } from '../waiting/await-end.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { newRecordId } from './record-id.js';
import { type AcceptedJob, acceptJob } from './accept-job.js';
import type { JobView } from './job-view.js';
import type { Submission } from './submission.js';
import { pollJob, waitForJob } from '../waiting/wait-for-job.js';

/** What the client wants beside the job itself. */
export interface SubmitWishes {
  /** Undefined: an answer as soon as the job is accepted. */
  waitSeconds: number | undefined;
  idempotencyKey?: string | undefined;
}

/** A job that was accepted, as it was when the waiting was over. */
export interface SubmittedJob {
  view: JobView;
  isReplay: boolean;
  /** Whether the job ended while it was waited for. */
  hasEnded: boolean;
  /** Whether the wish to wait was honoured. */
  hasWaited: boolean;
}

/** Accepts a job and, where the client wants that, waits for its end. Throws as `acceptJob` does. */
export async function submitJob(
  x: Exchange,
  submission: Submission,
  { waitSeconds, idempotencyKey }: SubmitWishes,
): Promise<SubmittedJob> {
  if (x.ctx.draining.aborted) {
    throw new ProblemError('draining', 'nothing was accepted: repeat on a new connection', {
      retryAfterSeconds: 1,
    });
  }
  const id = newRecordId();
  requireShareOfWaits(x, waitSeconds);
  const waiter = standBy(x, id, waitSeconds);
  try {
    const { view, isReplay } = await acceptJob(x.ctx, {
      id,
      submission,
      caller: x.caller,
      idempotencyKey,
      traceparent: x.traceparent(),
      isAwaited: waiter !== undefined,
    });
    x.jobId = view.job.id;
    sayAccepted(x, { view, isReplay });
    if (!waiter || waitSeconds === undefined) {
      const hasEnded = waitSeconds !== undefined && isEnded(view.job.state);
      return { view, isReplay, hasEnded, hasWaited: hasEnded || waitSeconds === 0 };
    }
    const waited = await unlessRedisLeaves(
      isReplay ? pollJob(x, view.job.id, waitSeconds) : waitForJob(x, waiter, { view, waitSeconds }),
    );
    const last = waited.view ?? view;
    return { view: last, isReplay, hasEnded: isEnded(last.job.state), hasWaited: waited.honoured };
  } finally {
    waiter?.leave();
  }
}

function sayAccepted(x: Exchange, { view: { job }, isReplay }: AcceptedJob): void {
  const { log } = x.ctx;
  if (!log.isEnabled('debug')) return;
  log.debug(isReplay ? 'job accepted before' : 'job accepted', {
    job_id: job.id,
    request_id: x.requestId,
    model: job.model,
    ...(job.replayOf === undefined ? {} : { replay_of: job.replayOf }),
  });
}

/** An accepted job is answered as accepted, even when Redis goes away while it is waited for. */
async function unlessRedisLeaves(waiting: Promise<Awaited<JobView>>): Promise<Awaited<JobView>> {
  try {
    return await waiting;
  } catch (error) {
    if (error instanceof RedisUnavailableError) return { view: undefined, honoured: false };
    throw error;
  }
}
