import type { Job } from '../shared/jobs/job.js';

/** Who sent a request. */
export interface Caller {
  /** Owner of the jobs that this caller creates and sees; empty when callers are not told apart. */
  owner: string;
}

/** The caller where callers are not told apart. */
export const ANYONE: Caller = { owner: '' };

/** The owner whose jobs a caller may list and cancel; undefined for everybody's. */
export const visibleOwner = (caller: Caller): string | undefined => caller.owner || undefined;

/** Whether a caller may see a job. To one who may not, the job does not exist. */
export const maySee = (caller: Caller, job: Job): boolean =>
  caller.owner === '' || job.owner === caller.owner;
