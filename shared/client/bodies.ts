import type { BatchBody, BatchList } from '../contract/batch.js';
import type { JobBody, JobList, SubmittedJobs } from '../contract/job.js';
import type { ModelBody, ModelList } from '../contract/model.js';
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

export const isJob = (value: unknown): value is JobBody =>
  isRecord(value) &&
  typeof value['id'] === 'string' &&
  typeof value['status'] === 'string' &&
  'links' in value;

export const isSubmittedJobs = (value: unknown): value is SubmittedJobs =>
  isRecord(value) &&
  Array.isArray(value['jobs']) &&
  value['jobs'].every((entry) => isJob(entry) || (isRecord(entry) && typeof entry['type'] === 'string'));

export const isJobList = (value: unknown): value is JobList =>
  isRecord(value) && Array.isArray(value['jobs']) && value['jobs'].every(isJob) && 'next_cursor' in value;

export const isBatch = (value: unknown): value is BatchBody =>
  isRecord(value) && isRecord(value['rows']) && typeof value['rows']['total'] === 'number' && isJob(value);

export const isBatchList = (value: unknown): value is BatchList =>
  isRecord(value) &&
  Array.isArray(value['batches']) &&
  value['batches'].every(isBatch) &&
  'next_cursor' in value;

export const isModel = (value: unknown): value is ModelBody =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  typeof value['version'] === 'string' &&
  isRecord(value['input']) &&
  Array.isArray(value['outputs']);

export const isModelList = (value: unknown): value is ModelList =>
  isRecord(value) && Array.isArray(value['models']) && value['models'].every(isModel);
