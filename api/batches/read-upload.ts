import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { RuleViolation } from '../../shared/validation/ajv.js';
import { bodyText } from './body-text.js';
import type { ChunkPacker } from './chunk-packer.js';
import type { ChunkSender } from './chunk-sender.js';
import type { RowReader } from './rows.js';
import { UploadError } from './upload-error.js';

/** How an upload is read. */
export interface UploadOptions {
  reader: RowReader;
  gzip: boolean;
  /** Largest body after decompression. */
  limitBytes: number;
  /** Longest silence while more of the body is wanted. */
  idleMs: number;
  maxRows: number;
  /** Refuse the whole upload for one bad row. */
  strict: boolean;
  /** Take a fingerprint: the batch has an Idempotency-Key. */
  fingerprint: boolean;
}

/** What is read and where it goes. */
export interface UploadPath {
  request: Readable;
  packer: ChunkPacker;
  sender: ChunkSender;
}

/** Broken rules that the answer to a strict upload lists. */
const STRICT_VIOLATIONS = 100;

/** Reads an upload to its end, chunk by chunk; resolves to its fingerprint. Throws {@link UploadError}. */
export async function readUpload(
  { request, packer, sender }: UploadPath,
  options: UploadOptions,
): Promise<string> {
  const hash = options.fingerprint ? createHash('sha256') : undefined;
  const text = bodyText(request, {
    ...options,
    ...(hash ? { onBytes: (bytes) => void hash.update(bytes) } : {}),
  });
  const violations: RuleViolation[] = [];
  let rows = 0;
  const flush = async (): Promise<void> => {
    const chunk = packer.take();
    if (!options.strict) return sender.send(chunk);
    const firstRow = rows - 1 - ((rows - 1) % packer.chunkRows);
    for (const [slot, rules] of Object.entries(chunk.invalid)) {
      const row = `#/${firstRow + Number(slot)}`;
      violations.push(...rules.map(({ pointer, detail }) => ({ pointer: row + pointer.slice(1), detail })));
    }
    if (violations.length >= STRICT_VIOLATIONS) throw invalidRows(violations);
    if (violations.length === 0) await sender.send(chunk);
  };
  for await (const some of options.reader(text)) {
    for (const row of some) {
      rows += 1;
      if (rows > options.maxRows) {
        throw new UploadError('too_large', `the body has more than ${options.maxRows} rows`);
      }
      if (packer.add(row)) await flush();
    }
  }
  if (!packer.isEmpty) await flush();
  if (rows === 0) {
    throw new UploadError('invalid', 'the body has no rows', [
      { pointer: '#', detail: 'needs at least one row' },
    ]);
  }
  if (violations.length > 0) throw invalidRows(violations);
  await sender.finish();
  return hash?.digest('hex') ?? '';
}

const invalidRows = (violations: readonly RuleViolation[]): UploadError =>
  new UploadError(
    'invalid',
    'rows break rules, and the batch is strict',
    violations.slice(0, STRICT_VIOLATIONS),
  );

/** Reads a body whose rows are not wanted, for its fingerprint. Throws {@link UploadError}. */
export async function fingerprintOf(
  request: Readable,
  { gzip, limitBytes, idleMs }: Pick<UploadOptions, 'gzip' | 'limitBytes' | 'idleMs'>,
): Promise<string> {
  const hash = createHash('sha256');
  const onBytes = (bytes: Buffer): void => void hash.update(bytes);
  for await (const _ of bodyText(request, { gzip, limitBytes, idleMs, onBytes }));
  await finished(request).catch(() => undefined);
  return hash.digest('hex');
}
