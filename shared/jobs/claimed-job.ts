import type { FailureCode } from '../contract/states.js';
import type { JobRecord } from './record.js';

/** A job as a worker holds it after a claim. */
export interface ClaimedJob {
  id: string;
  /** Fencing token and claim id, as `holds` has them: writes of an earlier holder are refused. */
  hold: string;
  /** This attempt's number. */
  attempts: number;
  /** Whether no claim took it before; false where that is not known. */
  isFirst: boolean;
  /** Start of this attempt, Unix ms of Redis's clock. */
  startedMs: number;
  /** From its submission to this claim. */
  waitedMs: number;
  input: Record<string, unknown>;
  record: JobRecord;
  /** Line 1 of the record. */
  line: string;
}

/** The end of one run of one job. */
export type Verdict =
  | { ok: true; result: Record<string, unknown> }
  | { ok: false; code: FailureCode; message: string };

/** A held job and its end. */
export interface Outcome {
  job: ClaimedJob;
  verdict: Verdict;
}

/** What all outcomes of one micro-batch share. */
export interface MicroBatchRun {
  queue: string;
  modelVersion: string;
  prepareMs: number;
  predictMs: number;
  batchSize: number;
}
