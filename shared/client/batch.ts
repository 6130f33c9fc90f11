import type { FieldProblem } from './errors.js';
import { isRecord } from '../text/is-record.js';

/** Every status of a batch; the last three are final. */
export type BatchStatus = 'accepting' | 'queued' | 'running' | EndedBatchStatus;
export type EndedBatchStatus = (typeof ENDED)[number];

const ENDED = ['succeeded', 'failed', 'canceled'] as const;

/** A batch as the API shows it. Members that do not apply yet are absent. Times are RFC 3339, UTC. */
export interface Batch {
  id: string;
  status: BatchStatus;
  model: string;
  model_version?: string;
  request_id?: string;
  rows: { total: number; succeeded: number; failed: number; invalid: number };
  /** Share of the rows that have an outcome. */
  progress: number;
  eta_ms?: number;
  created_at: string;
  started_at?: string;
  finished_at?: string;
  /** When the record and the results of an ended batch are deleted. */
  expires_at?: string;
  /** `cancel` is there until the batch has ended. */
  links: { self: string; results: string; cancel?: string };
}

/** A batch that will not change any more. */
export type EndedBatch = Batch & { status: EndedBatchStatus };

/** One page of batches, newest first. */
export interface BatchPage {
  batches: Batch[];
  /** To be given as `cursor` for the next page; null on the last. */
  next_cursor: string | null;
}

/** Why a row has no result. */
export interface BatchRowError {
  code: string;
  message: string;
  /** The broken rules of an invalid row; pointers into the row's input, such as `#/x`. */
  errors?: FieldProblem[];
}

/** What became of one row: the outputs of the model by name, or an error. */
export interface BatchRow {
  /** Its place in the upload, from 0. */
  row: number;
  error?: BatchRowError;
  [output: string]: unknown;
}

export const isBatchEnded = (batch: Batch): batch is EndedBatch =>
  ENDED.some((status) => status === batch.status);

/** Whether a server's answer is a batch, as far as this client relies on it. */
export const isBatch = (value: unknown): value is Batch =>
  isRecord(value) &&
  typeof value['id'] === 'string' &&
  typeof value['status'] === 'string' &&
  isRecord(value['rows']) &&
  typeof value['rows']['total'] === 'number' &&
  'links' in value;

/** Whether a server's answer is a page of batches. */
export const isBatchPage = (value: unknown): value is BatchPage =>
  isRecord(value) &&
  Array.isArray(value['batches']) &&
  value['batches'].every(isBatch) &&
  'next_cursor' in value;
