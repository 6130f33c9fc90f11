import { endJob, isEnded } from '../../shared/jobs/job.js';
import { type Awaited, awaitEnd, pollUntilEnd } from './await-end.js';
import { maySee } from '../admission/caller.js';
import type { Exchange } from '../http/exchange.js';
import type { Waiter } from './waiters.js';
import { type JobView, readJob } from '../jobs/job-view.js';

/** Reads a job, and goes on doing so until it has ended or `waitSeconds` from the start of the request are over. */
export const pollJob = (
  x: Exchange,
  id: string,
  waitSeconds: number | undefined,
): Promise<Awaited<JobView>> => pollUntilEnd(x, id, { waitSeconds, read: reader(x, id), hasEnded });

/** Waits for the end of a job that was created, and queued as in `view`, after the waiter lined up. */
export const waitForJob = (
  x: Exchange,
  waiter: Waiter,
  { view, waitSeconds }: { view: JobView; waitSeconds: number },
): Promise<Awaited<JobView>> =>
  awaitEnd(x, waiter, view, {
    waitSeconds,
    read: reader(x, waiter.id),
    ended: (outcome) => ({ job: endJob(view.job, outcome) }),
    hasEnded,
  });

const hasEnded = ({ job }: JobView): boolean => isEnded(job.state);

/** Nobody waits for what the caller may not see: how long that takes would tell that it is there. */
const reader = (x: Exchange, id: string) => async (): Promise<JobView | undefined> => {
  const view = await x.ctx.withinDeadline('reading a job', () => readJob(x.ctx, id));
  return view && maySee(x.caller, view.job) ? view : undefined;
};
