import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { isBatchEnded } from '../../shared/batches/batch.js';
import { readQuery, readWhole } from '../http/query.js';
import { readBatch } from '../batches/batch-view.js';
import { csvResults, ndjsonResults, type ResultFormat } from '../batches/results/result-formats.js';
import { type ResultRow, resultRows } from '../batches/results/result-rows.js';
import { acceptsGzip, prefersCsv } from '../batches/results/results-negotiation.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from '../http/route.js';
import { problems } from '../openapi/operation.js';
import { parseRecordId } from '../jobs/record-id.js';

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
  async handle(x) {
    const id = parseRecordId('batch', x.param('id'));
    const { from = 0 } = readQuery<{ from: number }>(x.query(), {
      from: readWhole(0, Number.MAX_SAFE_INTEGER),
    });
    const batch = await readBatch(x, id);
    const model = x.ctx.models.current.byName.get(batch.model);
    if (!model) {
      throw new ProblemError(
        'model-not-found',
        `the model ${batch.model} of this batch is not served any more`,
      );
    }
    const outputs = model.manifest.outputs.map(({ member }) => member);
    const format = prefersCsv(x.header('accept')) ? csvResults(outputs) : ndjsonResults;
    const gzip = acceptsGzip(x.header('accept-encoding'));
    const rows = resultRows({ batches: x.ctx.batches, batch, readRow: model.batch.readRow }, from);
    const response = x.begin(200, {
      'Content-Type': format.mediaType,
      'Content-Encoding': gzip ? 'gzip' : undefined,
      Vary: 'Accept, Accept-Encoding',
      'Batch-Complete': String(isBatchEnded(batch.state)),
    });
    const text = Readable.from(lines(rows, format), { objectMode: true, highWaterMark: 2 });
    try {
      await (gzip ? pipeline(text, createGzip({ level: 1 }), response) : pipeline(text, response));
    } catch (error) {
      // The status is sent: all that is left is to break the answer off, which the client notices by its length.
      x.failure = response.destroyed && !response.errored ? undefined : String(error);
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
