import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { NewChunk } from '../../../shared/batches/batch-store.js';
import type { FieldProblem } from '../../../shared/contract/problem.js';
import { ANSWER_LIMITS } from '../../../shared/validation/ajv.js';
import { bodyPieces, type BodyOptions } from './body-pieces.js';
import type { ChunkPacker } from './chunk-packer.js';
import type { ChunkSender } from './chunk-sender.js';
import { type Row, type RowReader, UploadError } from './rows.js';

/** Bounds and reader of an upload. */
export interface UploadOptions extends Omit<BodyOptions, 'signal' | 'onBytes'> {
  reader: RowReader;
  maxRows: number;
  /** Refuse the whole upload for one bad row. */
  strict: boolean;
  /** Take a fingerprint: the batch has an Idempotency-Key. */
  fingerprint: boolean;
}

/** The source and the destination of an upload. */
export interface UploadPath {
  request: Readable;
  /** Aborted with the reason once nobody wants the upload any more. */
  signal: AbortSignal;
  packer: ChunkPacker;
  sender: ChunkSender;
}

/** Invalid rows with which an upload is read on, and their text in characters. */
const MOST_INVALID = { rows: 10_000, chars: 16_777_216 } as const;

/** Reads an upload to its end, chunk by chunk; resolves to its fingerprint. Throws {@link UploadError}. */
export async function readUpload(
  { request, signal, packer, sender }: UploadPath,
  options: UploadOptions,
): Promise<string> {
  const hash = options.fingerprint ? createHash('sha256') : undefined;
  const body = bodyPieces(request, {
    ...options,
    signal,
    onBytes: hash && ((bytes) => void hash.update(bytes)),
  });
  const mostInvalid = options.strict ? ANSWER_LIMITS.entries : MOST_INVALID.rows;
  const invalid = { rows: 0, chars: 0 };
  const violations: FieldProblem[] = [];
  let rows = 0;
  const take = (): NewChunk => {
    const chunk = packer.take();
    const firstRow = rows - 1 - ((rows - 1) % packer.chunkRows);
    for (const [slot, rules] of Object.entries(chunk.invalid)) {
      if (violations.length >= ANSWER_LIMITS.entries) break;
      const row = `#/${firstRow + Number(slot)}`;
      violations.push(...rules.map(({ pointer, detail }) => ({ pointer: row + pointer.slice(1), detail })));
    }
    return chunk;
  };
  const send = async (chunk: NewChunk): Promise<void> => {
    if (!options.strict || invalid.rows === 0) await sender.send(chunk);
  };
  const refusal = async (): Promise<UploadError> => {
    // The record of a batch that fails counts all of its rows.
    if (!packer.isEmpty) await send(take());
    const found = `${invalid.rows} of the first ${rows} rows break rules`;
    return options.strict
      ? new UploadError('invalid', `${found}, and the batch is strict`, violations)
      : new UploadError(
          'too_many_invalid',
          `${found}: a batch fails with more than ${MOST_INVALID.rows} such rows, or more than ` +
            `${MOST_INVALID.chars} characters in them. Correct the rows, and send all of them again`,
          violations,
        );
  };
  const isRefused = (): boolean => invalid.rows > mostInvalid || invalid.chars > MOST_INVALID.chars;
  // Whether there may be more. A function of its own: V8 optimizes a function that is often called, not the middle of a long-running one.
  const pack = (some: Iterator<Row>, most: number): boolean => {
    for (let packed = 0; packed < most; packed += 1) {
      const next = some.next();
      if (next.done) return false;
      rows += 1;
      if (rows > options.maxRows) {
        throw new UploadError('too_large', `the body has more than ${options.maxRows} rows`);
      }
      if (packer.add(next.value)) continue;
      invalid.rows += 1;
      invalid.chars += next.value.chars;
      if (isRefused()) return false;
    }
    return true;
  };
  const turn = new Turn();
  for await (const step of options.reader(body)) {
    const some = step[Symbol.iterator]();
    for (let mayBeMore = true; mayBeMore; ) {
      mayBeMore = pack(some, Math.min(TURN_ROWS, packer.room));
      if (isRefused()) throw await refusal();
      if (packer.room === 0) await send(take());
      await turn.share();
    }
  }
  if (rows === 0) {
    throw new UploadError('invalid', 'the body has no rows', [
      { pointer: '#', detail: 'needs at least one row' },
    ]);
  }
  if (options.strict && invalid.rows > 0) throw await refusal();
  if (!packer.isEmpty) await send(take());
  await sender.finish();
  return hash?.digest('hex') ?? '';
}

/** Longest time of reading before other requests have their turn, and rows between two looks at the clock. */
const TURN_MS = 3;
const TURN_ROWS = 256;

/** Lets the process do its other work now and then. */
class Turn {
  #sinceMs = performance.now();

  async share(): Promise<void> {
    if (performance.now() - this.#sinceMs < TURN_MS) return;
    await othersTurn();
    this.#sinceMs = performance.now();
  }
}

/** Reads a body whose rows are not wanted, for its fingerprint. Throws {@link UploadError}. */
export async function fingerprintOf(
  request: Readable,
  signal: AbortSignal,
  { gzip, limitBytes, idleMs }: UploadOptions,
): Promise<string> {
  const hash = createHash('sha256');
  const onBytes = (bytes: Buffer): void => void hash.update(bytes);
  for await (const _ of bodyPieces(request, { gzip, limitBytes, idleMs, signal, onBytes }));
  await finished(request).catch(() => undefined);
  return hash.digest('hex');
}
