import { type Static, Type } from '../../shared/validation/schema.js';
import { BATCH_STATES, type Batch, type BatchState, isBatchEnded } from '../../shared/batches/batch.js';
import { rfc3339 } from '../http/rfc3339.js';

const Time = (description: string) => Type.String({ format: 'date-time', description });
const Rows = (description: string) => Type.Integer({ minimum: 0, description });

/** A batch as clients see it. Members that do not apply yet are absent. */
export const BatchBody = Type.Object(
  {
    id: Type.String({ format: 'uuid', description: 'UUIDv7.' }),
    status: Type.Unsafe<BatchState>({
      type: 'string',
      enum: [...BATCH_STATES],
      description: '`accepting` while the upload goes on; the last three are final.',
    }),
    model: Type.String({ description: 'Name of the model that it asks.' }),
    model_version: Type.Optional(Type.String({ description: 'Of the model that ran last.' })),
    request_id: Type.Optional(Type.String({ description: "The client's own name for the request." })),
    rows: Type.Object(
      {
        total: Rows('Rows of the upload, as far as it has come.'),
        succeeded: Rows('Rows with a result.'),
        failed: Rows('Valid rows that the model gave no result for.'),
        invalid: Rows('Rows that break the rules of the input.'),
      },
      { additionalProperties: false, description: 'How many there are, by what became of them.' },
    ),
    progress: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of the rows seen that have an outcome.',
    }),
    eta_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Until the rows seen have an outcome, by the rate of late; absent without one.',
      }),
    ),
    created_at: Time('When its upload began.'),
    started_at: Type.Optional(Time('When its first rows began to run.')),
    finished_at: Type.Optional(Time('When it ended.')),
    expires_at: Type.Optional(Time('Once ended: when its record and its results go.')),
    links: Type.Object(
      {
        self: Type.String({ description: 'GET polls it.' }),
        results: Type.String({ description: 'GET streams its rows.' }),
        cancel: Type.Optional(
          Type.String({ description: 'DELETE cancels what has not run. Absent once it has ended.' }),
        ),
      },
      { additionalProperties: false, description: 'Where it is, relative to the service.' },
    ),
  },
  {
    additionalProperties: false,
    description: 'Many predictions, as they are now. Members that do not apply are absent.',
  },
);
export type BatchBody = Static<typeof BatchBody>;

/** A batch as it was at one moment, with an estimate while it goes on. */
export interface BatchView {
  batch: Batch;
  /** Undefined while nothing has ended lately to measure by, and once the batch has ended. */
  etaMs: number | undefined;
}

/** Where a batch is polled. */
export const batchPath = (id: string): string => `/batches/${id}`;

/** Rows that have an outcome. */
export const rowsDone = ({ rows }: Batch): number => rows.succeeded + rows.failed + rows.invalid;

/** The body of a batch. */
export function presentBatch({ batch, etaMs }: BatchView): BatchBody {
  const self = batchPath(batch.id);
  const { total } = batch.rows;
  return {
    id: batch.id,
    status: batch.state,
    model: batch.model,
    ...(batch.modelVersion === undefined ? {} : { model_version: batch.modelVersion }),
    ...(batch.requestId === undefined ? {} : { request_id: batch.requestId }),
    rows: batch.rows,
    progress: total === 0 ? 0 : rowsDone(batch) / total,
    ...(etaMs === undefined ? {} : { eta_ms: etaMs }),
    created_at: rfc3339(batch.createdMs),
    ...(batch.startedMs === undefined ? {} : { started_at: rfc3339(batch.startedMs) }),
    ...(batch.finishedMs === undefined ? {} : { finished_at: rfc3339(batch.finishedMs) }),
    ...(batch.expiresMs === undefined ? {} : { expires_at: rfc3339(batch.expiresMs) }),
    links: {
      self,
      results: `${self}/results`,
      ...(isBatchEnded(batch.state) ? {} : { cancel: self }),
    },
  };
}
