/** Jobs of one request for many. */
export const MANY = 256;

/** A service that predicts single trips: Waggle, or one that could be written instead. */
export interface Subject {
  /** Name of the service in reports. */
  name: string;
  port: number;
  /** Whole requests, one a trip, that submit a job and are answered 202. */
  submits: readonly string[];
  /**
   * How jobs are accepted and asked for, unless with 202 and at `/jobs/<id>`: the status, and the paths by the body that
   * accepted a job, each asked until it has the result or tells that the next one has.
   */
  jobs?: { acceptedStatus: number; pathsOf: (accepted: string) => readonly string[] };
  /** Tells whether the answer to a poll has the result. Throws when the job has failed. */
  hasResult: (body: Buffer) => boolean;
  /** Whole requests that are answered with the result itself; none where there is no such thing. */
  asks: readonly string[];
  /** Largest resident memory of its processes in MB, by the kind of process. */
  peakMb: () => Record<string, number>;
  /** CPU time of its processes so far, in µs, by the kind of process. */
  cpuUs: () => Record<string, number>;
  /** Requests that submit {@link MANY} jobs at once; none where there is no such thing. */
  many?: readonly string[];
  stop: () => Promise<void>;
}
