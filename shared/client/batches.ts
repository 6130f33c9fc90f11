import { type EndedBatch, isBatch, isBatchEnded, isBatchList } from './bodies.js';
import type { BatchBody, BatchList, BatchRow } from '../contract/batch.js';
import { readRows } from './batch-results.js';
import { type BatchInputs, ndjsonPieces, type UploadPieces, startUpload } from './batch-upload.js';
import { UnexpectedAnswerError } from './errors.js';
import { type ApiRequest, type Call, type Endpoint, open, send } from './http.js';
import { pause } from '../process/pause.js';
import { LEAST_PAUSE_MS, Patience, type RetryOptions } from './retry.js';
import { waitForEnd, type WaitOptions } from './wait.js';

/** Options of a batch. With the same `idempotencyKey` the same upload may be repeated after an error and gives the same batch. */
export interface SubmitBatchOptions extends Pick<ApiRequest, 'idempotencyKey' | 'waitSeconds' | 'signal'> {
  /** @default the server's */
  model?: string | undefined;
  requestId?: string | undefined;
  /** Refuse the whole batch for one bad row; without it a bad row gets an error of its own. */
  strict?: boolean | undefined;
  /** Compress the upload: for lines slower than about 20 MB/s. */
  gzip?: boolean | undefined;
}

/** Range and form of the results. */
export interface ResultOptions extends RetryOptions {
  /** First row. @default 0 */
  from?: number | undefined;
  /** Let the server compress them: for lines slower than about 20 MB/s. Browsers always do. */
  gzip?: boolean | undefined;
  /** Is called with the state of the batch each time that all rows so far have been read. */
  onUpdate?: ((batch: BatchBody) => void) | undefined;
}

/** Time for which the server may hold its answer about a running batch, and for which it gives rows as they come to an end. */
const PROGRESS_SECONDS = 1;
const FOLLOW_SECONDS = 5;

/** Batches as typed calls. A broken upload leaves no batch behind; results survive a broken connection. */
export class BatchClient {
  constructor(private readonly endpoint: Endpoint) {}

  /** Submits inputs as the source gives them; memory holds only those that are being sent. */
  submit(inputs: BatchInputs, options: SubmitBatchOptions = {}): Promise<BatchBody> {
    return this.upload(ndjsonPieces(inputs), options);
  }

  /** Submits a finished body of NDJSON. Browsers stream uploads over HTTP/2 only. */
  async upload(pieces: UploadPieces, options: SubmitBatchOptions = {}): Promise<BatchBody> {
    const { model, requestId, strict = false, gzip = false, ...rest } = options;
    const { stream, release } = startUpload(pieces, gzip);
    try {
      return await this.#read({
        ...rest,
        method: 'POST',
        path: '/batches',
        query: { model, request_id: requestId, strict: strict || undefined },
        headers: {
          'content-type': 'application/x-ndjson',
          ...(gzip ? { 'content-encoding': 'gzip' } : {}),
        },
        stream,
        accept: isBatch,
      });
    } finally {
      release();
    }
  }

  /** The batch as it is now, or as it is once it has ended or `waitSeconds` have passed. */
  get(id: string, options: Pick<ApiRequest, 'signal' | 'waitSeconds'> = {}): Promise<BatchBody> {
    return this.#read({ ...options, path: batchPath(id), accept: isBatch });
  }

  /** Follows a batch to its end: by long polls, and by the server's Retry-After where those are not honoured. */
  wait(id: string, options: WaitOptions<BatchBody> = {}): Promise<EndedBatch> {
    const path = batchPath(id);
    return waitForEnd(
      (call) => send(this.endpoint, { ...call, path, accept: isBatch }),
      isBatchEnded,
      options,
    );
  }

  /** Every row in the order of the upload, each once, from `from` on, as they come to an end. */
  async *results(id: string, options: ResultOptions = {}): AsyncGenerator<BatchRow, void, undefined> {
    for await (const page of this.resultPages(id, options)) yield* page;
  }

  /** As {@link results}, in pages: rows that arrived together are yielded together. */
  async *resultPages(id: string, options: ResultOptions = {}): AsyncGenerator<BatchRow[], void, undefined> {
    const { signal, onUpdate } = options;
    const patience = new Patience(options);
    let from = options.from ?? 0;
    for (;;) {
      try {
        const askedMs = Date.now();
        const wish = { ...options, from, waitSeconds: FOLLOW_SECONDS };
        const { isComplete, isFollowed, pages } = await this.resultsSoFar(id, wish);
        for await (const page of pages) {
          patience.restore();
          from += page.length;
          yield page;
        }
        if (isComplete) return;
        const batch = await this.get(id, { waitSeconds: isFollowed ? undefined : PROGRESS_SECONDS, signal });
        patience.restore();
        onUpdate?.(batch);
        if (isBatchEnded(batch) && from === batch.rows.total) return;
        await pause(Math.max(0, askedMs + LEAST_PAUSE_MS - Date.now()), signal);
      } catch (error) {
        await patience.bear(error);
      }
    }
  }

  /**
   * One answer: the rows that have ended, up to the first that has not; all of them when `isComplete`. With `waitSeconds` the
   * rows that end meanwhile come, too; `isFollowed` when the server does so.
   */
  async resultsSoFar(
    id: string,
    { from = 0, gzip, waitSeconds, signal }: ResultOptions & Pick<ApiRequest, 'waitSeconds'> = {},
  ): Promise<{ isComplete: boolean; isFollowed: boolean; pages: AsyncIterable<BatchRow[]> }> {
    const { endpoint } = this;
    const response = await open(endpoint, {
      path: `${batchPath(id)}/results`,
      query: { from },
      headers: { accept: 'application/x-ndjson', 'accept-encoding': gzip ? 'gzip' : 'identity' },
      waitSeconds,
      signal,
    });
    const complete = response.headers.get('batch-complete');
    if (!response.body || complete === null) throw new UnexpectedAnswerError(endpoint.url, 'no results');
    return {
      isComplete: complete === 'true',
      isFollowed: response.headers.has('preference-applied'),
      pages: readRows(response.body, { from, endpoint, signal }),
    };
  }

  /** Cancels what has not run; rows that have run keep their results. An ended batch is a problem, 409. */
  cancel(id: string, options: Pick<ApiRequest, 'signal'> = {}): Promise<BatchBody> {
    return this.#read({ ...options, method: 'DELETE', path: batchPath(id), accept: isBatch });
  }

  /** One page of batches, newest first. */
  list(
    query: { limit?: number | undefined; cursor?: string | undefined } = {},
    options: Pick<ApiRequest, 'signal'> = {},
  ): Promise<BatchList> {
    return this.#read({ ...options, path: '/batches', query, accept: isBatchList });
  }

  async #read<T>(call: Call<T>): Promise<T> {
    return (await send(this.endpoint, call)).body;
  }
}

const batchPath = (id: string): string => `/batches/${encodeURIComponent(id)}`;
