import { type Static, Type } from '../validation/schema.js';
import { closed, count, listOf, missingPartitions, moment, nextCursor, text, word } from './parts.js';
import type { FieldProblem } from './problem.js';
import { BATCH_STATES } from './states.js';

/** A batch as clients see it. Members that do not apply yet are absent. */
export const BatchBody = closed(
  {
    id: Type.String({ format: 'uuid', description: 'UUIDv7.' }),
    status: word(BATCH_STATES, '`accepting` while the upload goes on; the last three are final.'),
    model: text('Name of the model that it asks.'),
    model_version: Type.Optional(text('Of the model that ran last.')),
    request_id: Type.Optional(text("The client's own name for the request.")),
    rows: closed(
      {
        total: count('Rows of the upload, as far as it has come.'),
        succeeded: count('Rows with a result.'),
        failed: count('Valid rows that the model gave no result for.'),
        invalid: count('Rows that break the rules of the input.'),
      },
      'How many there are, by what became of them.',
    ),
    progress: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of the rows seen that have an outcome.',
    }),
    eta_ms: Type.Optional(
      count('Until the rows seen have an outcome, by the rate of late; absent without one.'),
    ),
    created_at: moment('When its upload began.'),
    started_at: Type.Optional(moment('When its first rows began to run.')),
    finished_at: Type.Optional(moment('When it ended.')),
    expires_at: Type.Optional(moment('Once ended: when its record and its results go.')),
    links: closed(
      {
        self: text('GET polls it.'),
        results: text('GET streams its rows.'),
        cancel: Type.Optional(text('DELETE cancels what has not run. Absent once it has ended.')),
      },
      'Where it is, relative to the service.',
    ),
  },
  'Many predictions, as they are now. Members that do not apply are absent.',
);
export type BatchBody = Static<typeof BatchBody>;

/** A page of batches. */
export const BatchList = closed(
  {
    batches: listOf<BatchBody>('Batch', 'Newest first.'),
    next_cursor: nextCursor,
    missing_partitions: missingPartitions,
  },
  'A page of batches.',
);
export type BatchList = Static<typeof BatchList>;

/** Why a row has no result. */
export interface BatchRowError {
  code: string;
  message: string;
  /** The broken rules of an invalid row; pointers into the row's input, such as `#/x`. */
  errors?: readonly FieldProblem[] | undefined;
}

/** The outcome of one row: the outputs of the model by name, or an error. */
export interface BatchRow {
  /** Its place in the upload, from 0. */
  row: number;
  error?: BatchRowError;
  [output: string]: unknown;
}
