import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { RecordScripts } from '../../shared/records/records.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';

/** The kind of record that an id names. */
export type RecordKind = 'job' | 'batch';

/** Bytes of one id, and of the ids for which randomness is drawn at once: drawing it for each costs 3 us a job. */
const ID_BYTES = 16;
const POOL = new Uint8Array(256 * ID_BYTES);
let used = POOL.length;

function rng(): Uint8Array {
  if (used === POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  used += ID_BYTES;
  return POOL.subarray(used - ID_BYTES, used);
}

/** A new id: a UUIDv7 of this moment. Of several partitions its last two digits name the one that holds the record. */
export function newRecordId({ place: { index, count } }: Pick<RecordScripts, 'place'>): string {
  const id = uuidv7({ rng });
  return count === 1 ? id : id.slice(0, -2) + index.toString(16).padStart(2, '0');
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The id in the path of a request. Throws a 404 problem for text that can be none. */
export function recordIdOf(exchange: Exchange, kind: RecordKind): string {
  const id = parseRecordId(kind, exchange.param('id'));
  exchange.about[`${kind}_id`] = id;
  return id;
}

/** An id in the form that names records. Throws a 404 problem for text that can be none. */
export function parseRecordId(kind: RecordKind, text: string): string {
  const id = text.toLowerCase();
  if (UUID_V7.test(id)) return id;
  throw new ProblemError(`${kind}-not-found`, 'an id is a UUID of version 7, and this is none');
}

/**
 * The problem of an id that is not (any more) there. A UUIDv7 begins with its Unix time in ms: one that is further
 * back than records are kept may have been there, any other never was.
 */
export function missingRecord(kind: RecordKind, id: string, resultTtlMs: number): ProblemError {
  const createdMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return createdMs < Date.now() - resultTtlMs
    ? new ProblemError(`${kind}-gone`, `a ${kind} ${id} is older than records are kept`)
    : new ProblemError(`${kind}-not-found`, `there is no ${kind} ${id}`);
}
