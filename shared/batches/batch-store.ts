import { BATCH_FIELDS, type Batch, parseBatch } from './batch.js';
import { type ChunkOutputs, decodeResults } from './chunk-codec.js';
import type { Priority } from '../contract/states.js';
import { type Page, type PageWish, readPage } from '../jobs/job-list.js';
import { type NoRoom, noRoom } from '../jobs/new-job.js';
import { aboutWord, optionalWord } from '../jobs/record.js';
import { listOf, type RecordScripts } from '../records/records.js';
import type { RedisBytesReply } from '../redis/redis.js';
import type { FieldProblem } from '../contract/problem.js';

/** Invalid rows of one chunk by their number within it. */
export type RowErrors = Record<string, FieldProblem[]>;

/** Settings of a new batch. */
export interface NewBatch {
  id: string;
  model: string;
  /** The model's chunk queue. */
  queue: string;
  owner: string;
  requestId?: string | undefined;
  /** `traceparent` of the submission: the spans of its chunks continue that trace. */
  traceparent?: string | undefined;
  chunkRows: number;
  /** Hold all chunks back until the upload is complete. */
  strict: boolean;
  /** Longest one attempt at a chunk may run. */
  timeoutMs: number;
  maxAttempts: number;
  resultTtlMs: number;
  /** Longest that a chunk waits. */
  queueTtlMs: number;
  priority?: Priority | undefined;
  /** Share of the owner's turns in the queue. @default 1 */
  weight?: number | undefined;
  idempotencyKey?: string | undefined;
}

/** Result of {@link BatchStore.create}. */
export type BatchCreated =
  | { kind: 'created'; createdMs: number }
  | { kind: 'replayed'; batchId: string; fingerprint: string }
  | { kind: 'uploading'; batchId: string }
  | NoRoom;

/** A chunk for which there is no room yet. */
export class NoRoomError extends Error {
  override name = 'NoRoomError';
  constructor(readonly refusal: NoRoom) {
    super('there is no room for a chunk');
  }
}

/** One chunk of an upload. */
export interface NewChunk {
  /** Position in the batch, from 0. */
  number: number;
  /** Rows with valid input. */
  rows: number;
  columns: Buffer;
  invalid: RowErrors;
}

/** Outcome of a chunk's rows: the invalid ones, and either results, one failure of all others, or nothing yet. */
export interface ChunkResults {
  invalid: RowErrors;
  outputs?: ChunkOutputs;
  failure?: { code: string; message: string };
}

const OTHER_OUTPUTS = {
  code: 'invalid_output',
  message: 'the results were made by a version of the model with other outputs: send the rows again',
};

/**
 * Time between two signs of life of an upload, however slow its client is; and the silence after which a request with the
 * same Idempotency-Key takes the uploading process for dead and takes the key over.
 */
export const SIGN_OF_LIFE_MS = 1_000;
const UPLOAD_SILENCE_MS = 5_000;

/** Accepts, reads and cancels batches: the API's side. Rejects with RedisUnavailableError while Redis is away. */
export class BatchStore {
  constructor(private readonly records: RecordScripts) {}

  /**
   * Opens a batch for its upload, unless its Idempotency-Key is known or there is no room: `maxChunks` may wait. An upload
   * with that key whose process is dead is canceled, and the key taken over.
   */
  async create(batch: NewBatch, maxChunks: number): Promise<BatchCreated> {
    const fields = {
      model: batch.model,
      queue: batch.queue,
      chunk_rows: batch.chunkRows,
      strict: batch.strict ? 1 : 0,
      timeout_ms: batch.timeoutMs,
      max_attempts: batch.maxAttempts,
      ttl_ms: batch.resultTtlMs,
      queue_ttl_ms: batch.queueTtlMs,
      lane: batch.priority ?? 'normal',
      weight: batch.weight ?? 1,
      request_id: batch.requestId ?? '',
      chunk_request: optionalWord(batch.requestId),
      chunk_about: aboutWord({ traceparent: batch.traceparent }),
    };
    const [kind, detail, fingerprint] = listOf(
      await this.records.promise('batch-create', [
        batch.id,
        batch.owner,
        batch.idempotencyKey ?? '',
        String(maxChunks),
        String(UPLOAD_SILENCE_MS),
        ...Object.entries(fields).flatMap(([name, value]) => [name, String(value)]),
      ]),
    );
    if (kind === 'created') return { kind, createdMs: Number(detail) };
    if (kind === 'replayed') return { kind, batchId: String(detail), fingerprint: String(fingerprint) };
    if (kind === 'full' || kind === 'share') return noRoom(kind, detail);
    return { kind: 'uploading', batchId: String(detail) };
  }

  /** Adds a chunk; false when the batch no longer takes rows. Rejects with {@link NoRoomError} while there is no room for it. */
  async add(batchId: string, { number, rows, columns, invalid }: NewChunk): Promise<boolean> {
    const errors = Object.keys(invalid);
    const [kind, detail] = listOf(
      await this.records.promise('batch-add', [
        batchId,
        String(rows),
        String(errors.length),
        columns,
        errors.length > 0 ? JSON.stringify(invalid) : '',
        String(number),
      ]),
    );
    if (kind === 'full' || kind === 'share') throw new NoRoomError(noRoom(kind, detail));
    return kind === 'added';
  }

  /** Keeps an upload alive that brings no chunk for a while; false when the batch no longer takes rows. */
  async touch(batchId: string): Promise<boolean> {
    return (await this.records.run('batch-touch', [batchId])) === 1;
  }

  /** Closes the upload; false when the batch no longer takes rows. */
  async complete(batchId: string, fingerprint: string): Promise<boolean> {
    return (await this.records.promise('batch-complete', [batchId, fingerprint])) === 1;
  }

  /** Cancels a batch of `owner` (undefined: anybody's). */
  async cancel(
    batchId: string,
    owner: string | undefined,
  ): Promise<'canceled' | 'canceling' | 'ended' | 'gone'> {
    const word = await this.records.promise('batch-cancel', [batchId, owner ?? '*', '']);
    return word === 'canceled' || word === 'canceling' || word === 'ended' ? word : 'gone';
  }

  /** Ends a batch whose upload broke off or was refused: frees its Idempotency-Key and deletes its values. */
  async abort(batchId: string, state: 'canceled' | 'failed' = 'canceled'): Promise<void> {
    await this.records.run('batch-cancel', [batchId, '*', state]);
  }

  /** The batch, or undefined when its record is not there (any more). */
  async find(id: string): Promise<Batch | undefined> {
    const { redis } = this.records;
    const batch = parseBatch(
      id,
      await redis.command(['HMGET', this.records.key(`batch:${id}`), ...BATCH_FIELDS]),
    );
    // A record is there for a moment after its time: the sweeper removes it.
    return batch?.expiresMs !== undefined && batch.expiresMs <= redis.nowMs() ? undefined : batch;
  }

  /** Reads the outcome of one chunk: three values, one round trip. `widths`: numbers a row of each source of the outputs. */
  async results(batchId: string, chunk: number, widths: readonly number[]): Promise<ChunkResults> {
    const key = this.records.key(`batch:${batchId}`);
    const read = (part: string): Promise<RedisBytesReply> =>
      this.records.redis.commandBytes(['HGET', `${key}:${part}`, String(chunk)]);
    const [out, invalid, failed] = await Promise.all([read('out'), read('invalid'), read('failed')]);
    const outputs = Buffer.isBuffer(out) ? decodeResults(out, widths) : undefined;
    const failure = Buffer.isBuffer(failed)
      ? (JSON.parse(failed.toString()) as { code: string; message: string })
      : Buffer.isBuffer(out) && !outputs && OTHER_OUTPUTS;
    return {
      invalid: Buffer.isBuffer(invalid) ? (JSON.parse(invalid.toString()) as RowErrors) : {},
      ...(outputs ? { outputs } : {}),
      ...(failure ? { failure } : {}),
    };
  }

  /** One page of batches, newest first. */
  list(owner: string | undefined, wish: PageWish): Promise<Page<Batch>> {
    return readPage(this.records, ['batch', owner ?? '*'], {
      ...wish,
      read: async (ids) => {
        const found = await Promise.all(ids.map((id) => this.find(id)));
        return found.filter((batch) => batch !== undefined);
      },
    });
  }
}
