import { isRecord } from '../text/is-record.js';

/** Every status of a job; the last four are final. */
export type JobStatus = 'queued' | 'running' | 'canceling' | EndedStatus;
export type EndedStatus = (typeof ENDED)[number];

const ENDED = ['succeeded', 'failed', 'canceled', 'expired'] as const;

/** A job as the API shows it. Members that do not apply yet are absent. Times are RFC 3339, UTC. */
export interface Job {
  id: string;
  status: JobStatus;
  model: string;
  model_version?: string;
  input: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
  request_id?: string;
  replay_of?: string;
  attempts: number;
  created_at: string;
  started_at?: string;
  finished_at?: string;
  /** When the record of an ended job is deleted. */
  expires_at?: string;
  /** When a queued job ends without being run. */
  queue_expires_at?: string;
  queue?: { position: number; eta_ms?: number };
  timings?: JobTimings;
  /** `cancel` is there until the job has ended. */
  links: { self: string; events?: string; cancel?: string };
}

/** Where the time of a job went, in ms, and how many jobs shared its run. */
export interface JobTimings {
  queued_ms?: number;
  feature_prepare_ms?: number;
  model_predict_ms?: number;
  total_ms?: number;
  batch_size?: number;
}

/** A job that will not change any more. */
export type EndedJob = Job & { status: EndedStatus };

/** One page of jobs, newest first. */
export interface JobPage {
  jobs: Job[];
  /** To be given as `cursor` for the next page; null on the last. */
  next_cursor: string | null;
}

export const isEnded = (job: Job): job is EndedJob => ENDED.some((status) => status === job.status);

/** Whether a server's answer is a job, as far as this client relies on it. */
export function isJob(value: unknown): value is Job {
  return (
    isRecord(value) &&
    typeof value['id'] === 'string' &&
    typeof value['status'] === 'string' &&
    'links' in value
  );
}

/** Whether a server's answer is a page of jobs. */
export const isJobPage = (value: unknown): value is JobPage =>
  isRecord(value) && Array.isArray(value['jobs']) && value['jobs'].every(isJob) && 'next_cursor' in value;
