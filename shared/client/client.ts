import type { Priority } from '../contract/states.js';
import { BatchClient } from './batches.js';
import { type Answer, type Call, type Endpoint, send } from './http.js';
import { type EndedJob, isEnded, isJob, isJobList, isModel, isModelList, isSubmittedJobs } from './bodies.js';
import { ProblemError, readProblem } from './errors.js';
import type { JobBody, JobList, SubmittedJobs } from '../contract/job.js';
import type { ModelBody } from '../contract/model.js';
import type { JobState } from '../contract/states.js';
import { idempotent, preferWait } from './headers.js';
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
export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Options of a submission. */
export interface SubmitOptions extends CallOptions {
  waitSeconds?: number | undefined;
  idempotencyKey?: string | undefined;
}

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
  async submit(
    request: SubmitRequest,
    { signal, waitSeconds, idempotencyKey }: SubmitOptions = {},
  ): Promise<JobBody> {
    const headers = { ...preferWait(waitSeconds), ...idempotent(idempotencyKey) };
    const call: Call<JobBody> = {
      method: 'POST',
      path: '/jobs',
      body: request,
      headers,
      signal,
      accept: isJob,
    };
    return (await this.#send(call)).body;
  }

  /**
   * Submits 1 to 256 predictions at once. Resolves to the job of each, in order, or to the problem that it would have alone;
   * rejects where the server takes none of them. The server holds its answer for up to `waitSeconds` until all have ended. With an
   * `idempotencyKey` the same call may be repeated after an error and gives the same jobs.
   */
  async submitMany(
    requests: readonly SubmitRequest[],
    { signal, waitSeconds, idempotencyKey }: SubmitOptions = {},
  ): Promise<(JobBody | ProblemError)[]> {
    const call: Call<SubmittedJobs> = {
      method: 'POST',
      path: '/jobs',
      body: { jobs: requests },
      headers: { ...preferWait(waitSeconds), ...idempotent(idempotencyKey) },
      signal,
      accept: (body): body is SubmittedJobs => isSubmittedJobs(body) && body.jobs.length === requests.length,
    };
    const { jobs } = (await this.#send(call)).body;
    return jobs.map((entry) =>
      isJob(entry) ? entry : new ProblemError(readProblem(entry, { status: 500, title: '' })),
    );
  }

  /** The job as it is now, or as it is once it has ended or `waitSeconds` have passed. */
  async get(id: string, options: CallOptions & { waitSeconds?: number | undefined } = {}): Promise<JobBody> {
    return (await this.#poll(id, options)).body;
  }

  /** The input of a job, also where that only links to it; one that is not kept any more is a problem, 410. */
  async input(id: string, { signal }: CallOptions = {}): Promise<Record<string, unknown>> {
    return (await this.#send({ path: `${jobPath(id)}/input`, signal, accept: isRecord })).body;
  }

  /** Follows a job to its end: by long polls, and by the server's Retry-After where those are not honoured. */
  async wait(id: string, options: WaitOptions = {}): Promise<EndedJob> {
    return waitForEnd((call) => this.#poll(id, call), isEnded, options);
  }

  /** Cancels a job: `canceled` when it was queued, `canceling` when it was running. An ended one is a problem, 409. */
  async cancel(id: string, { signal }: CallOptions = {}): Promise<JobBody> {
    return (await this.#send({ method: 'DELETE', path: jobPath(id), signal, accept: isJob })).body;
  }

  /**
   * Runs a failed, expired or canceled job again, as a new one whose `replay_of` is this id; any other is a problem,
   * 409. With an `idempotencyKey` the same call may be repeated after an error and gives the same job.
   */
  async replay(
    id: string,
    { signal, idempotencyKey }: CallOptions & { idempotencyKey?: string | undefined } = {},
  ): Promise<JobBody> {
    const headers = idempotent(idempotencyKey);
    const call: Call<JobBody> = {
      method: 'POST',
      path: `${jobPath(id)}/replay`,
      headers,
      signal,
      accept: isJob,
    };
    return (await this.#send(call)).body;
  }

  /** One page of jobs, newest first. */
  async list(query: ListQuery = {}, { signal }: CallOptions = {}): Promise<JobList> {
    const search = new URLSearchParams();
    for (const status of query.status ?? []) search.append('status', status);
    const { model, requestId, limit, cursor } = query;
    for (const [name, value] of Object.entries({ model, request_id: requestId, limit, cursor })) {
      if (value !== undefined) search.set(name, String(value));
    }
    return (await this.#send({ path: '/jobs', query: search, signal, accept: isJobList })).body;
  }

  /** The models that the API serves. */
  async models({ signal }: CallOptions = {}): Promise<ModelBody[]> {
    return (await this.#send({ path: '/models', signal, accept: isModelList })).body.models;
  }

  /** One model. */
  async model(name: string, { signal }: CallOptions = {}): Promise<ModelBody> {
    const path = `/models/${encodeURIComponent(name)}`;
    return (await this.#send({ path, signal, accept: isModel })).body;
  }

  #poll(
    id: string,
    { signal, waitSeconds }: CallOptions & { waitSeconds?: number | undefined },
  ): Promise<Answer<JobBody>> {
    return this.#send({ path: jobPath(id), headers: preferWait(waitSeconds), signal, accept: isJob });
  }

  #send<T>(call: Call<T>): Promise<Answer<T>> {
    return send(this.endpoint, call);
  }
}

const jobPath = (id: string): string => `/jobs/${encodeURIComponent(id)}`;
