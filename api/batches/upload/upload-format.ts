import type { Manifest } from '../../../shared/model/manifest.js';
import { ProblemError } from '../../http/problem.js';
import { csvRows } from './csv-rows.js';
import { jsonRows } from './json-rows.js';
import { ndjsonRows } from './ndjson-rows.js';
import type { RowReader } from './rows.js';

/** Media types of an upload and their readers. */
const READERS: Readonly<Record<string, (manifest: Manifest) => RowReader>> = {
  'application/json': jsonRows,
  'application/x-ndjson': ndjsonRows,
  'text/csv': csvRows,
};

/** Media types that an upload may be of. */
export const UPLOAD_TYPES: readonly string[] = Object.keys(READERS);

/** The reader of a body of this `Content-Type`. Throws a 415 problem for any other. */
export function rowReaderFor(contentType: string | undefined, manifest: Manifest): RowReader {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  const reader = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (!reader || (charset !== undefined && charset.replaceAll('"', '') !== 'utf-8')) {
    throw new ProblemError(
      'unsupported-media-type',
      `a batch is one of ${UPLOAD_TYPES.join(', ')}, in UTF-8`,
    );
  }
  return reader(manifest);
}

/** Whether the body is gzip, by `Content-Encoding`. Throws a 415 problem for other encodings. */
export function isGzip(contentEncoding: string | undefined): boolean {
  const encoding = (contentEncoding ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity') return false;
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  throw new ProblemError('unsupported-media-type', 'Content-Encoding may be gzip, or absent');
}
