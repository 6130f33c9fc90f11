/** States in which a job does not change any more. */
export const ENDED_JOB_STATES = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export type EndedJobState = (typeof ENDED_JOB_STATES)[number];

/** Every state of a job; the last four are final. */
export const JOB_STATES = ['queued', 'running', 'canceling', ...ENDED_JOB_STATES] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Why a job failed. */
export const FAILURE_CODES = [
  'model_error',
  'timeout',
  'worker_lost',
  'invalid_input',
  'invalid_output',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** States in which a batch does not change any more. */
export const ENDED_BATCH_STATES = ['succeeded', 'failed', 'canceled'] as const;
export type EndedBatchState = (typeof ENDED_BATCH_STATES)[number];

/** Every state of a batch; the last three are final. */
export const BATCH_STATES = ['accepting', 'queued', 'running', ...ENDED_BATCH_STATES] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** Lanes of a queue: a job waits for all those of the lanes before its own. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];
