import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { isBatchEnded } from '../../shared/batches/batch.js';
import { readQuery, readWhole } from '../http/query.js';
import { readBatch } from '../batches/batch-view.js';
import { csvResults, ndjsonResults, type ResultFormat } from '../batches/results/result-formats.js';
import { type ResultRow, resultRows } from '../batches/results/result-rows.js';
import { acceptsGzip, prefersCsv } from '../batches/results/results-negotiation.js';
import type { Route } from './route.js';
import { problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';
import { modelNamed } from '../models/served-models.js';

const FORMATS = { headers: ['Vary', 'Batch-Complete', 'Cache-Control'] } as const;

/** `GET /batches/{id}/results`: rows in input order, streamed; readable while the batch runs. */
export const batchResultsRoute: Route = {
  method: 'get',
  path: '/batches/{id}/results',
  operation: {
    id: 'getBatchResults',
    tag: 'batches',
    summary: 'Read the results of a batch',
    description:
      'One line a row, in the order of the upload: `{"row":0,"duration":12.9}`, or `{"row":7,"error":{...}}`. Before ' +
      'the end of the batch, the rows up to the first that has not run.',
    parameters: ['BatchId', 'From', 'AcceptResults', 'RequestIdHeader'],
    answers: {
      200: {
        description: 'The rows, gzip where `Accept-Encoding` wants it.',
        content: { 'application/x-ndjson': { type: 'string' }, 'text/csv': { type: 'string' } },
        ...FORMATS,
      },
      ...problems(
        'batch-not-found',
        'batch-gone',
        'validation-failed',
        'model-not-found',
        'redis-unavailable',
        'record-unreadable',
      ),
    },
  },
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'batch');
    const { from = 0 } = readQuery<{ from: number }>(exchange.query(), {
      from: readWhole(0, Number.MAX_SAFE_INTEGER),
    });
    const batch = await readBatch(exchange, ctx, id);
    const model = modelNamed(ctx.models.current, batch.model);
    const outputs = model.manifest.outputs.map(({ member }) => member);
    const format = prefersCsv(exchange.header('accept')) ? csvResults(outputs) : ndjsonResults;
    const gzip = acceptsGzip(exchange.header('accept-encoding'));
    const rows = resultRows({ batches: ctx.batches, batch, readRow: model.batch.readRow }, from);
    const response = exchange.begin(200, {
      'Content-Type': format.mediaType,
      'Content-Encoding': gzip ? 'gzip' : undefined,
      Vary: 'Accept, Accept-Encoding',
      'Batch-Complete': String(isBatchEnded(batch.state)),
    });
    const text = Readable.from(lines(rows, format), { objectMode: true, highWaterMark: 2 });
    try {
      await (gzip ? pipeline(text, createGzip({ level: 1 }), response) : pipeline(text, response));
    } catch (error) {
      // The status is sent already. The client notices by the length of the answer that it was broken off.
      exchange.failure = response.destroyed && !response.errored ? undefined : String(error);
      response.destroy();
    }
  },
};

async function* lines(
  rows: AsyncIterable<ResultRow[]>,
  format: ResultFormat,
): AsyncGenerator<string, void, undefined> {
  if (format.head !== '') yield format.head;
  for await (const some of rows) yield format.lines(some);
}
