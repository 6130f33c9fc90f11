import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { isBatchEnded } from '../../shared/batches/batch.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import { readQuery, readWhole } from '../http/query.js';
import { readBatch } from '../batches/batch-view.js';
import { followChunks } from '../batches/results/follow-chunks.js';
import { csvResults, ndjsonResults } from '../batches/results/result-formats.js';
import { resultLines } from '../batches/results/result-lines.js';
import { prefersCsv, wantsGzip } from '../batches/results/results-negotiation.js';
import { placeOutputs } from '../../shared/model/outputs.js';
import type { Route } from './route.js';
import { problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';
import { modelNamed } from '../models/served-models.js';
import { requireShareOfWaits } from '../waiting/wait-for-end.js';

const FORMATS = {
  headers: ['Vary', 'Batch-Complete', 'Cache-Control'],
  optionalHeaders: ['Preference-Applied'],
} as const;

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
      'the end of the batch, the rows up to the first that has not run; with `Prefer: wait=N`, further rows as they come ' +
      'to an end, until all have or N seconds are over.',
    parameters: ['BatchId', 'From', 'Prefer', 'AcceptResults', 'RequestIdHeader'],
    answers: {
      200: {
        description:
          'The rows, gzip where `Accept-Encoding` wants it; on the machine itself, where it names nothing else.',
        content: { 'application/x-ndjson': { type: 'string' }, 'text/csv': { type: 'string' } },
        ...FORMATS,
      },
      ...problems(
        'batch-not-found',
        'batch-gone',
        'validation-failed',
        'model-not-found',
        'too-many-waiting',
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
    const { waitSeconds = 0 } = parsePrefer(exchange.header('prefer'));
    requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
    const batch = await readBatch(exchange, ctx, id);
    const outputs = placeOutputs(modelNamed(ctx.models.current, batch.model).manifest);
    const format = (prefersCsv(exchange.header('accept')) ? csvResults : ndjsonResults)(outputs);
    const gzip = wantsGzip(exchange.header('accept-encoding'), exchange.request.ip);
    const isComplete = isBatchEnded(batch.state);
    const chunks = isComplete ? undefined : followChunks(exchange, ctx, { id, waitSeconds });
    const response = exchange.begin(200, {
      'Content-Type': format.mediaType,
      'Content-Encoding': gzip ? 'gzip' : undefined,
      Vary: 'Accept, Accept-Encoding, Prefer',
      'Batch-Complete': String(isComplete),
      'Preference-Applied': chunks ? preferenceApplied({ waitSeconds }) : undefined,
    });
    // The first row may be long in coming.
    if (chunks) response.flushHeaders();
    const waitFor = chunks ? chunks.waitFor : () => Promise.resolve(undefined);
    const { batches } = ctx.partitions.of(id);
    const lines = resultLines({ batches, batch, outputs, format, waitFor }, from);
    const text = Readable.from(lines, { objectMode: true, highWaterMark: 2 });
    // A client that waits gets each chunk when it comes, and not once the compressor has had many.
    const flush = chunks ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
    try {
      await (gzip ? pipeline(text, createGzip({ level: 1, flush }), response) : pipeline(text, response));
    } catch (error) {
      // The status is sent already. The client notices by the length of the answer that it was broken off.
      exchange.failure = response.destroyed && !response.errored ? undefined : String(error);
      response.destroy();
    } finally {
      chunks?.leave();
    }
  },
};
