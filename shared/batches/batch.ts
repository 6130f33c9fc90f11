import { BATCH_STATES, type BatchState } from '../contract/states.js';
import { listOf } from '../records/records.js';
import type { RedisReply } from '../redis/redis.js';

/** A batch as its record has it. Times are Unix milliseconds of Redis's clock, with microseconds as decimals. */
export interface Batch {
  id: string;
  state: BatchState;
  model: string;
  queue: string;
  owner: string;
  requestId?: string;
  modelVersion?: string;
  /** Rows of a chunk; the last chunk may have fewer. */
  chunkRows: number;
  chunks: number;
  /** Rows by outcome. Until the upload is complete `total` counts the rows seen so far. */
  rows: { total: number; succeeded: number; failed: number; invalid: number };
  createdMs: number;
  startedMs?: number;
  finishedMs?: number;
  /** Time at which the record and the results expire; set once the batch has ended. */
  expiresMs?: number;
}

/** Fields of the hash that {@link parseBatch} reads, in its order. */
export const BATCH_FIELDS = [
  'status',
  'model',
  'queue',
  'owner',
  'request_id',
  'model_version',
  'chunk_rows',
  'chunks',
  'rows_total',
  'rows_succeeded',
  'rows_failed',
  'rows_invalid',
  'created_ms',
  'started_ms',
  'finished_ms',
  'expires_ms',
] as const;

type Fields = Partial<Record<(typeof BATCH_FIELDS)[number], string | undefined>>;

/** Whether a batch in this state has ended. */
export const isBatchEnded = (state: BatchState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'canceled';

/** Reads the reply to HMGET of {@link BATCH_FIELDS}. Undefined when there is no such record. */
export function parseBatch(id: string, reply: RedisReply): Batch | undefined {
  const values = listOf(reply).map((value) => (typeof value === 'string' ? value : undefined));
  const fields: Fields = Object.fromEntries(BATCH_FIELDS.map((field, index) => [field, values[index]]));
  if (fields.status === undefined) return undefined;
  return {
    id,
    state: stateOf(fields),
    model: fields.model ?? '',
    queue: fields.queue ?? '',
    owner: fields.owner ?? '',
    ...(fields.request_id ? { requestId: fields.request_id } : {}),
    ...(fields.model_version ? { modelVersion: fields.model_version } : {}),
    chunkRows: Number(fields.chunk_rows),
    chunks: Number(fields.chunks),
    rows: {
      total: Number(fields.rows_total),
      succeeded: Number(fields.rows_succeeded),
      failed: Number(fields.rows_failed),
      invalid: Number(fields.rows_invalid),
    },
    createdMs: Number(fields.created_ms),
    ...(fields.started_ms ? { startedMs: Number(fields.started_ms) } : {}),
    ...(fields.finished_ms ? { finishedMs: Number(fields.finished_ms) } : {}),
    ...(fields.expires_ms ? { expiresMs: Number(fields.expires_ms) } : {}),
  };
}

/** The record says `accepted` from the end of the upload to the end of the batch. */
function stateOf({ status, started_ms: started }: Fields): BatchState {
  if (status === 'accepted') return started ? 'running' : 'queued';
  const state = BATCH_STATES.find((known) => known === status);
  if (!state) throw new Error(`a batch record has the unknown status "${status}"`);
  return state;
}
