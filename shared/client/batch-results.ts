import type { BatchRow } from '../contract/batch.js';
import { UnexpectedAnswerError } from './errors.js';
import { type ApiRequest, type Endpoint, reasonOf } from './http.js';
import { isRecord } from '../text/is-record.js';

/** The rows that one answer holds, in pages as they arrive. */
export async function* readRows(
  body: ReadableStream<Uint8Array>,
  { from, endpoint, signal }: { from: number; endpoint: Endpoint } & Pick<ApiRequest, 'signal'>,
): AsyncGenerator<BatchRow[], void, undefined> {
  const { url } = endpoint;
  const decoder = new TextDecoder();
  let next = from;
  let rest = '';
  for await (const piece of chunksOf(body, (cause) => reasonOf(cause, endpoint, { signal }))) {
    rest += decoder.decode(piece, { stream: true });
    const end = rest.lastIndexOf('\n');
    if (end < 0) continue;
    const rows = parseLines(rest.slice(0, end), url);
    rest = rest.slice(end + 1);
    for (const { row } of rows) {
      if (row !== next) throw new UnexpectedAnswerError(url, `row ${row} where row ${next} comes next`);
      next += 1;
    }
    yield rows;
  }
  if (rest !== '') throw new UnexpectedAnswerError(url, 'half a row at the end');
}

/** One JSON document in place of many: line feeds are never inside a JSON text, and one call costs less than a thousand. */
function parseLines(lines: string, url: string): BatchRow[] {
  let rows: unknown;
  try {
    rows = JSON.parse(`[${lines.replaceAll('\n', ',')}]`);
  } catch {
    rows = undefined;
  }
  if (Array.isArray(rows) && rows.every(isRow)) return rows;
  throw new UnexpectedAnswerError(url, 'lines that are no rows');
}

const isRow = (value: unknown): value is BatchRow => isRecord(value) && typeof value['row'] === 'number';

/** Iterates over a stream: not every browser's streams are iterable. Throws what `reasonOfFailure` makes of a failed read. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  reasonOfFailure: (cause: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw reasonOfFailure(cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    // The caller left early: the server need not send the rest.
    await reader.cancel().catch(() => undefined);
  }
}
