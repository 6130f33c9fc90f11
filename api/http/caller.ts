import { PRIORITIES, type Priority } from '../../shared/contract/states.js';
import { ProblemError } from './problem.js';

/** The sender of a request. */
export interface Caller {
  /** Owner of the jobs and batches that this caller creates; empty when callers are not told apart. */
  owner: string;
  /** Admins see, cancel and replay everybody's records. */
  isAdmin: boolean;
  /** Share of the turns in a queue. */
  weight: number;
  /** The highest lane that its jobs may wait in; theirs unless they name a lower one. */
  lane: Priority | undefined;
}

/** The caller where callers are not told apart. */
export const ANYONE: Caller = { owner: '', isAdmin: true, weight: 1, lane: undefined };

/** The owner whose jobs a caller may list and cancel; undefined for everybody's. */
export const visibleOwner = ({ owner, isAdmin }: Caller): string | undefined => (isAdmin ? undefined : owner);

/** Whether a caller may see a job or a batch. Other records do not exist for the caller. */
export const maySee = (caller: Caller, record: { owner: string }): boolean =>
  caller.isAdmin || record.owner === caller.owner;

/** The lane of a caller's job that asks for one, or for none. Throws a 403 problem for a higher one than its key may use. */
export function laneFor({ owner, lane }: Caller, asked: Priority | undefined): Priority {
  if (lane !== undefined && asked !== undefined && PRIORITIES.indexOf(asked) < PRIORITIES.indexOf(lane)) {
    throw new ProblemError('lane-not-allowed', `the key ${owner} may use the lane ${lane}, and not ${asked}`);
  }
  return asked ?? lane ?? 'normal';
}
