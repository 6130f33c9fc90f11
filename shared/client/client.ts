import type { JobState, Priority } from '../contract/states.js';
import { BatchClient } from './batches.js';
import { type ApiRequest, type Call, type Endpoint, send } from './http.js';
import { type EndedJob, isEnded, isJob, isJobList, isModel, isModelList, isSubmittedJobs } from './bodies.js';
import { ProblemError, readProblem } from './errors.js';
import type { JobBody, JobList, SubmittedJobs } from '../contract/job.js';
import type { ModelBody } from '../contract/model.js';
import { isRecord } from '../text/is-record.js';
import { waitForEnd, type WaitOptions } from './wait.js';

/** A prediction to be made. */
export interface SubmitRequest {
  input: Record<string, unknown>;
  /** @default the server's */
  model?: string | undefined;
  request_id?: string | undefined;
  /** Longest run of one attempt, in ms. */
  timeout_ms?: number | undefined;
  /** A job still queued after this many ms ends without being run. */
  expires_in_ms?: number | undefined;
  max_attempts?: number | undefined;
  /** The lane in which it waits. */
  priority?: Priority | undefined;
  /** Not run before so many ms after its acceptance. */
  delay_ms?: number | undefined;
  /** Not run before this time, RFC 3339. */
  not_before?: string | undefined;
}

/** Limits of a call. */
export type CallOptions = Pick<ApiRequest, 'signal'>;

/** Options of a submission. */
export type SubmitOptions = Pick<ApiRequest, 'signal' | 'waitSeconds' | 'idempotencyKey'>;

/** Filter and page of a list of jobs. */
export interface ListQuery {
  status?: readonly JobState[] | undefined;
  model?: string | undefined;
  requestId?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** The API as typed calls. Needs nothing but fetch, AbortSignal and URL: it runs in Node and in browsers. */
export class WaggleClient {
  /** Many predictions at once. */
  readonly batches: BatchClient;

  constructor(private readonly endpoint: Endpoint) {
    this.batches = new BatchClient(endpoint);
  }

  /**
   * Submits one prediction. The server holds its answer for up to `waitSeconds` if the job has not ended. With an
   * `idempotencyKey` the same call may be repeated after an error and gives the same job.
   */
  submit(request: SubmitRequest, options: SubmitOptions = {}): Promise<JobBody> {
    return this.#read({ ...options, method: 'POST', path: '/jobs', body: request, accept: isJob });
  }

  /**
   * Submits 1 to 256 predictions at once. Resolves to the job of each, in order, or to the problem that it would have alone;
   * rejects where the server takes none of them. The server holds its answer for up to `waitSeconds` until all have ended. With an
   * `idempotencyKey` the same call may be repeated after an error and gives the same jobs.
   */
  async submitMany(
    requests: readonly SubmitRequest[],
    options: SubmitOptions = {},
  ): Promise<(JobBody | ProblemError)[]> {
    const accept = (body: unknown): body is SubmittedJobs =>
      isSubmittedJobs(body) && body.jobs.length === requests.length;
    const body = { jobs: requests };
    const { jobs } = await this.#read({ ...options, method: 'POST', path: '/jobs', body, accept });
    return jobs.map((entry) =>
      isJob(entry) ? entry : new ProblemError(readProblem(entry, { status: 500, title: '' })),
    );
  }

  /** The job as it is now, or as it is once it has ended or `waitSeconds` have passed. */
  get(id: string, options: Omit<SubmitOptions, 'idempotencyKey'> = {}): Promise<JobBody> {
    return this.#read({ ...options, path: jobPath(id), accept: isJob });
  }

  /** The input of a job, also where that only links to it; one that is not kept any more is a problem, 410. */
  input(id: string, options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.#read({ ...options, path: `${jobPath(id)}/input`, accept: isRecord });
  }

  /** Follows a job to its end: by long polls, and by the server's Retry-After where those are not honoured. */
  wait(id: string, options: WaitOptions = {}): Promise<EndedJob> {
    const path = jobPath(id);
    return waitForEnd((call) => send(this.endpoint, { ...call, path, accept: isJob }), isEnded, options);
  }

  /** Cancels a job: `canceled` when it was queued, `canceling` when it was running. An ended one is a problem, 409. */
  cancel(id: string, options: CallOptions = {}): Promise<JobBody> {
    return this.#read({ ...options, method: 'DELETE', path: jobPath(id), accept: isJob });
  }

  /**
   * Runs a failed, expired or canceled job again, as a new one whose `replay_of` is this id; any other is a problem,
   * 409. With an `idempotencyKey` the same call may be repeated after an error and gives the same job.
   */
  replay(id: string, options: Omit<SubmitOptions, 'waitSeconds'> = {}): Promise<JobBody> {
    return this.#read({ ...options, method: 'POST', path: `${jobPath(id)}/replay`, accept: isJob });
  }

  /** One page of jobs, newest first. */
  list(
    { status, model, requestId, limit, cursor }: ListQuery = {},
    options: CallOptions = {},
  ): Promise<JobList> {
    const query = { status, model, request_id: requestId, limit, cursor };
    return this.#read({ ...options, path: '/jobs', query, accept: isJobList });
  }

  /** The models that the API serves. */
  async models(options: CallOptions = {}): Promise<ModelBody[]> {
    return (await this.#read({ ...options, path: '/models', accept: isModelList })).models;
  }

  /** One model. */
  model(name: string, options: CallOptions = {}): Promise<ModelBody> {
    return this.#read({ ...options, path: `/models/${encodeURIComponent(name)}`, accept: isModel });
  }

  async #read<T>(call: Call<T>): Promise<T> {
    return (await send(this.endpoint, call)).body;
  }
}

const jobPath = (id: string): string => `/jobs/${encodeURIComponent(id)}`;
