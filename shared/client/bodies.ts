import type { BatchBody, BatchList } from '../contract/batch.js';
import type { JobBody, JobList, SubmittedJobs } from '../contract/job.js';
import type { ModelBody, ModelList } from '../contract/model.js';
import type { ProblemBody } from '../contract/problem.js';
import {
  ENDED_BATCH_STATES,
  ENDED_JOB_STATES,
  type EndedBatchState,
  type EndedJobState,
} from '../contract/states.js';
import { isRecord } from '../text/is-record.js';

// The checks below look at the members that this client relies on, not at every rule of the contract.

/** A job that will not change any more. */
export type EndedJob = JobBody & { status: EndedJobState };

/** A batch that will not change any more. */
export type EndedBatch = BatchBody & { status: EndedBatchState };

export const isEnded = (job: JobBody): job is EndedJob =>
  ENDED_JOB_STATES.some((state) => state === job.status);

export const isBatchEnded = (batch: BatchBody): batch is EndedBatch =>
  ENDED_BATCH_STATES.some((state) => state === batch.status);

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isThere: Check = (value) => value !== undefined;
const listOf =
  (isEntry: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(isEntry);

/** A check for objects whose members pass their own checks. */
const bodyOf =
  <T>(members: Partial<Record<keyof T, Check>>) =>
  (value: unknown): value is T =>
    isRecord(value) &&
    Object.entries(members as Record<string, Check>).every(([name, isRight]) => isRight(value[name]));

const JOB = { id: isText, status: isText, links: isThere };
export const isJob = bodyOf<JobBody>(JOB);
export const isBatch = bodyOf<BatchBody>({
  ...JOB,
  rows: bodyOf<BatchBody['rows']>({ total: (value) => typeof value === 'number' }),
});
export const isModel = bodyOf<ModelBody>({
  name: isText,
  version: isText,
  input: isRecord,
  outputs: Array.isArray,
});
const isProblem = bodyOf<ProblemBody>({ type: isText });
export const isSubmittedJobs = bodyOf<SubmittedJobs>({
  jobs: listOf((entry) => isJob(entry) || isProblem(entry)),
});
export const isJobList = bodyOf<JobList>({ jobs: listOf(isJob), next_cursor: isThere });
export const isBatchList = bodyOf<BatchList>({ batches: listOf(isBatch), next_cursor: isThere });
export const isModelList = bodyOf<ModelList>({ models: listOf(isModel) });
