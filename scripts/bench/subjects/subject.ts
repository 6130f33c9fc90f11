/** A service that predicts single trips: ours, or what one would write instead. */
export interface Subject {
  /** As reports call it. */
  name: string;
  port: number;
  /** Whole requests, one a trip, that submit a job and are answered 202. */
  submits: readonly string[];
  /** Whether the answer to a poll has the result. Throws when the job has failed. */
  hasResult: (body: Buffer) => boolean;
  /** Whole requests that are answered with the result itself; none where there is no such thing. */
  asks: readonly string[];
  /** Resident memory of each of its processes in MB, the largest seen, by what it is. */
  peakMb: () => Record<string, number>;
  stop: () => Promise<void>;
}
