import {
  type BatchCreated,
  type NewBatch,
  NoRoomError,
  SIGN_OF_LIFE_MS,
} from '../../shared/batches/batch-store.js';
import { NotReplicatedError } from '../../shared/errors.js';
import type { Priority } from '../../shared/contract/states.js';
import type { NoRoom } from '../../shared/jobs/new-job.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError, requestTimeout } from '../http/problem.js';
import { ClientGoneError, untilClientGone } from '../http/read-json.js';
import { submissionDefaults } from '../models/submission-schemas.js';
import type { ServedModel } from '../models/served-models.js';
import { noRoomProblem } from '../admission/no-room.js';
import { newRecordId } from '../jobs/record-id.js';
import { ChunkPacker, chunkRowsOf } from './upload/chunk-packer.js';
import { BatchClosedError, ChunkSender } from './upload/chunk-sender.js';
import { fingerprintOf, readUpload, type UploadOptions } from './upload/read-upload.js';
import { UploadError } from './upload/rows.js';

/** A batch that a client uploads. */
export interface BatchRequest {
  model: ServedModel;
  upload: UploadOptions;
  requestId: string | undefined;
  priority: Priority;
  idempotencyKey: string | undefined;
}

/** A batch whose upload is complete. `isReplay`: an earlier request had made it. */
export interface SubmittedBatch {
  batchId: string;
  isReplay: boolean;
}

/**
 * Takes an upload to its end. Its chunks run while the upload goes on, unless it is strict. An upload that is refused or
 * breaks off leaves nothing but a canceled batch. Throws a problem.
 */
export async function submitBatch(
  exchange: Exchange,
  ctx: ApiContext,
  request: BatchRequest,
): Promise<SubmittedBatch> {
  exchange.refuseWhileDraining();
  const { serving, config, partitions } = ctx;
  const { idempotencyKey: key } = request;
  const partition = partitions.forNew(key === undefined ? undefined : { caller: exchange.caller.owner, key });
  const batchId = newRecordId(partition.records);
  const { notServed, created } = await ctx.withinDeadline('opening a batch', async () => {
    const problem = await serving.problemOf(request.model.manifest.name);
    // Without room nothing is accepted, and a batch of the same Idempotency-Key is found all the same.
    const maxChunks = problem ? 0 : partitions.depth(config.jobs.maxQueueDepth);
    return {
      notServed: problem,
      created: await partition.batches
        .create(newBatch(exchange, ctx, batchId, request), maxChunks)
        .catch(async (error: unknown) => {
          // It is open, and nobody will send its rows.
          if (error instanceof NotReplicatedError) {
            await partition.batches.abort(batchId).catch(() => undefined);
          }
          throw error;
        }),
    };
  });
  switch (created.kind) {
    case 'created':
      exchange.about['batch_id'] = batchId;
      await takeUpload(exchange, ctx, batchId, request);
      ctx.log.debug('batch accepted', () => ({ batch_id: batchId, request_id: exchange.requestId }));
      return { batchId, isReplay: false };
    case 'replayed':
      return replay(exchange, created, request.upload);
    case 'uploading':
      throw new ProblemError(
        'batch-uploading',
        `the upload of batch ${created.batchId} with this key is under way`,
        { retryAfterSeconds: 1 },
      );
    case 'full':
    case 'share':
      throw notServed ?? noRoom(exchange, request, created);
  }
}

const noRoom = (exchange: Exchange, { model }: BatchRequest, refusal: NoRoom): ProblemError =>
  noRoomProblem(refusal, { what: 'chunks', model: model.manifest.name, owner: exchange.caller.owner });

const newBatch = (
  exchange: Exchange,
  { config: { batches, jobs } }: ApiContext,
  id: string,
  { model, upload, requestId, priority, idempotencyKey }: BatchRequest,
): NewBatch => ({
  id,
  model: model.manifest.name,
  queue: model.batch.queue,
  owner: exchange.caller.owner,
  chunkRows: chunkRowsOf(model.batch, batches.chunkRows),
  strict: upload.strict,
  timeoutMs: submissionDefaults(jobs.most).timeoutMs,
  maxAttempts: CHUNK_ATTEMPTS,
  resultTtlMs: jobs.resultTtlMs,
  queueTtlMs: jobs.queueTtlMs,
  priority,
  weight: exchange.caller.weight,
  requestId,
  traceparent: exchange.traceparent(),
  idempotencyKey,
});

/** Attempts at one chunk: a lost worker loses many chunks, and none of them need be the cause. */
const CHUNK_ATTEMPTS = 10;

async function takeUpload(
  exchange: Exchange,
  ctx: ApiContext,
  batchId: string,
  request: BatchRequest,
): Promise<void> {
  const { model, upload: options } = request;
  const { withinDeadline, config, limits, admission } = ctx;
  const { batches } = ctx.partitions.of(batchId);
  const packer = new ChunkPacker(model.batch, chunkRowsOf(model.batch, config.batches.chunkRows));
  const unwanted = untilClientGone(exchange.response);
  const sender = new ChunkSender({
    batches,
    withinDeadline,
    batchId,
    roomMs: limits.roomMs,
    signal: unwanted.signal,
    countRows: (rows) => admission.countRows(exchange, rows),
  });
  const alive = setInterval(() => {
    batches.touch(batchId).then(
      (isOpen) => isOpen || unwanted.abort(new BatchClosedError()),
      () => undefined,
    );
  }, SIGN_OF_LIFE_MS);
  let isSent = false;
  try {
    const path = { request: exchange.request, signal: unwanted.signal, packer, sender };
    const fingerprint = await readUpload(path, options);
    isSent = true;
    await withinDeadline('closing an upload', async () => {
      if (!(await batches.complete(batchId, fingerprint))) throw new BatchClosedError();
    });
  } catch (error) {
    unwanted.abort(error);
    await sender.finish().catch(() => undefined);
    const state = error instanceof UploadError && error.code === 'too_many_invalid' ? 'failed' : 'canceled';
    // A whole upload that its repeat may find is kept.
    if (!isSent || !(error instanceof NotReplicatedError)) {
      await withinDeadline('dropping an upload', () => batches.abort(batchId, state)).catch(() => undefined);
    }
    throw problemOf(
      exchange,
      error instanceof NoRoomError ? noRoom(exchange, request, error.refusal) : error,
    );
  } finally {
    clearInterval(alive);
  }
}

/** The same key again: the rows are read only to check that they are the same. */
async function replay(
  exchange: Exchange,
  first: Extract<BatchCreated, { kind: 'replayed' }>,
  options: UploadOptions,
): Promise<SubmittedBatch> {
  exchange.about['batch_id'] = first.batchId;
  let fingerprint: string;
  try {
    fingerprint = await fingerprintOf(exchange.request, untilClientGone(exchange.response).signal, options);
  } catch (error) {
    throw problemOf(exchange, error);
  }
  if (fingerprint !== first.fingerprint) {
    throw new ProblemError(
      'idempotency-key-reused',
      'the Idempotency-Key came before with other rows: use a new one for these',
    );
  }
  return { batchId: first.batchId, isReplay: true };
}

function problemOf(exchange: Exchange, error: unknown): unknown {
  // The unread part of a body is lost with the connection, even when it has arrived.
  if (exchange.request.destroyed && !exchange.request.readableEnded) return new ClientGoneError();
  // The rest of a body that still comes is read and dropped, so that the client gets to see the answer.
  if (!(error instanceof UploadError && error.code === 'stalled')) exchange.request.resume();
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
