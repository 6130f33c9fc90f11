/** The sender of a request. */
export interface Caller {
  /** Owner of the jobs and batches that this caller creates; empty when callers are not told apart. */
  owner: string;
  /** Admins see, cancel and replay everybody's records. */
  isAdmin: boolean;
}

/** The caller where callers are not told apart. */
export const ANYONE: Caller = { owner: '', isAdmin: true };

/** The owner whose jobs a caller may list and cancel; undefined for everybody's. */
export const visibleOwner = ({ owner, isAdmin }: Caller): string | undefined => (isAdmin ? undefined : owner);

/** Whether a caller may see a job or a batch. Other records do not exist for the caller. */
export const maySee = (caller: Caller, record: { owner: string }): boolean =>
  caller.isAdmin || record.owner === caller.owner;
