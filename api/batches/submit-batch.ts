import { type BatchCreated, NoRoomError, SIGN_OF_LIFE_MS } from '../../shared/batches/batch-store.js';
import type { NoRoom } from '../../shared/jobs/job-store.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError, requestTimeout } from '../http/problem.js';
import { ClientGoneError, untilClientGone } from '../http/read-json.js';
import { submissionDefaults } from '../models/submission-schemas.js';
import type { ServedModel } from '../models/served-models.js';
import { noRoomProblem } from '../admission/no-room.js';
import { newRecordId } from '../jobs/record-id.js';
import { ChunkPacker } from './upload/chunk-packer.js';
import { BatchClosedError, ChunkSender } from './upload/chunk-sender.js';
import { fingerprintOf, readUpload, type UploadOptions } from './upload/read-upload.js';
import { UploadError } from './upload/upload-error.js';

/** A batch that a client uploads. */
export interface BatchRequest {
  model: ServedModel;
  upload: UploadOptions;
  requestId: string | undefined;
  idempotencyKey: string | undefined;
}

/** A batch whose upload is complete. `isReplay`: an earlier request had made it. */
export interface SubmittedBatch {
  batchId: string;
  isReplay: boolean;
}

/**
 * Takes an upload to its end. Its chunks run while it goes on, unless it is strict. An upload that cannot be taken as
 * a whole, or breaks off, leaves nothing but a canceled batch. Throws a problem.
 */
export async function submitBatch(x: Exchange, request: BatchRequest): Promise<SubmittedBatch> {
  if (x.ctx.draining.aborted) {
    throw new ProblemError('draining', 'nothing was accepted: repeat on a new connection', {
      retryAfterSeconds: 1,
    });
  }
  const batchId = newRecordId();
  const { serving, config } = x.ctx;
  const { notServed, created } = await x.ctx.withinDeadline('opening a batch', async () => {
    const problem = await serving.problemOf(request.model.manifest.name);
    // Without room nothing is accepted, and what an Idempotency-Key has made is still found.
    const maxChunks = problem ? 0 : config.jobs.maxQueueDepth;
    return { notServed: problem, created: await create(x, batchId, request, maxChunks) };
  });
  switch (created.kind) {
    case 'created':
      x.batchId = batchId;
      await takeUpload(x, batchId, request);
      x.ctx.log.debug('batch accepted', { batch_id: batchId, request_id: x.requestId });
      return { batchId, isReplay: false };
    case 'replayed':
      return replay(x, created, request.upload);
    case 'uploading':
      throw new ProblemError(
        'batch-uploading',
        `the upload of batch ${created.batchId} with this key is under way`,
        { retryAfterSeconds: 1 },
      );
    case 'full':
    case 'share':
      throw notServed ?? noRoom(x, request, created);
  }
}

const noRoom = (x: Exchange, { model }: BatchRequest, refusal: NoRoom): ProblemError =>
  noRoomProblem(refusal, { what: 'chunks', model: model.manifest.name, owner: x.caller.owner });

function create(
  x: Exchange,
  id: string,
  { model, upload, requestId, idempotencyKey }: BatchRequest,
  maxChunks: number,
): Promise<BatchCreated> {
  const { batches, jobs } = x.ctx.config;
  const traceparent = x.traceparent();
  return x.ctx.batches.create(
    {
      id,
      model: model.manifest.name,
      queue: model.batch.queue,
      owner: x.caller.owner,
      chunkRows: batches.chunkRows,
      strict: upload.strict,
      timeoutMs: submissionDefaults(jobs.most).timeoutMs,
      maxAttempts: CHUNK_ATTEMPTS,
      resultTtlMs: jobs.resultTtlMs,
      ...(requestId === undefined ? {} : { requestId }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    },
    maxChunks,
  );
}

/** Attempts at one chunk: a worker that is lost takes many chunks along, none of which need be to blame. */
const CHUNK_ATTEMPTS = 10;

async function takeUpload(x: Exchange, batchId: string, request: BatchRequest): Promise<void> {
  const { model, upload: options } = request;
  const { batches, producers, withinDeadline, config, limits, admission } = x.ctx;
  const packer = new ChunkPacker(model.batch, config.batches.chunkRows);
  const unwanted = untilClientGone(x.response);
  const sender = new ChunkSender({
    batches,
    producers,
    withinDeadline,
    batchId,
    queue: model.batch.queue,
    roomMs: limits.roomMs,
    signal: unwanted.signal,
    countRows: (rows) => admission.countRows(x, rows),
  });
  const alive = setInterval(() => {
    batches.touch(batchId).then(
      (isOpen) => isOpen || unwanted.abort(new BatchClosedError()),
      () => undefined,
    );
  }, SIGN_OF_LIFE_MS);
  try {
    const path = { request: x.request, signal: unwanted.signal, packer, sender };
    const fingerprint = await readUpload(path, options);
    await withinDeadline('closing an upload', async () => {
      const held = await batches.complete(batchId, fingerprint);
      if (!held) throw new BatchClosedError();
      await Promise.all(held.map((jobId) => producers.enqueue(model.batch.queue, { jobId, delivery: 1 })));
    });
  } catch (error) {
    unwanted.abort(error);
    await sender.finish().catch(() => undefined);
    const state = error instanceof UploadError && error.code === 'too_many_invalid' ? 'failed' : 'canceled';
    await withinDeadline('dropping an upload', () => batches.abort(batchId, state)).catch(() => undefined);
    throw problemOf(x, error instanceof NoRoomError ? noRoom(x, request, error.refusal) : error);
  } finally {
    clearInterval(alive);
  }
}

/** The same key again: the rows are only read to see that they are the same. */
async function replay(
  x: Exchange,
  first: Extract<BatchCreated, { kind: 'replayed' }>,
  options: UploadOptions,
): Promise<SubmittedBatch> {
  let fingerprint: string;
  try {
    fingerprint = await fingerprintOf(x.request, untilClientGone(x.response).signal, options);
  } catch (error) {
    throw problemOf(x, error);
  }
  if (fingerprint !== first.fingerprint) {
    throw new ProblemError(
      'idempotency-key-reused',
      'the Idempotency-Key came before with other rows: use a new one for these',
    );
  }
  return { batchId: first.batchId, isReplay: true };
}

function problemOf(x: Exchange, error: unknown): unknown {
  // Even of a body that has arrived as a whole, what was not read yet is lost with the connection.
  if (x.request.destroyed && !x.request.readableEnded) return new ClientGoneError();
  if (error instanceof UploadError && error.code === 'stalled') return requestTimeout(error.message);
  // Read on and dropped, so that the client gets to see the answer.
  x.request.resume();
  if (error instanceof BatchClosedError) {
    return new ProblemError('batch-ended', 'the batch was canceled while its rows were sent');
  }
  if (!(error instanceof UploadError)) return error;
  switch (error.code) {
    case 'stalled':
      return requestTimeout(error.message);
    case 'malformed':
      return new ProblemError('malformed-batch', error.message);
    case 'too_large':
      return new ProblemError('batch-too-large', error.message);
    case 'invalid':
    case 'too_many_invalid':
      return new ProblemError('validation-failed', error.message, { errors: error.violations });
  }
}
