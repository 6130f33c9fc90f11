import { HeldUp, Refusals } from '../models/held-up.js';
import { type Static, type TSchema, Type } from '../../shared/validation/schema.js';

const whole = (description: string) => Type.Integer({ minimum: 0, description });
const rate = (description: string) => Type.Number({ minimum: 0, description });
const closed = <T extends Record<string, TSchema>>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });

const percentiles = (description: string) =>
  Type.Optional(
    closed(
      { p50: rate('In ms.'), p95: rate('In ms.'), p99: rate('In ms.') },
      `${description} Absent when no job ran.`,
    ),
  );

const ended = {
  submitted: whole('Jobs that were accepted.'),
  succeeded: whole('Jobs that ended so.'),
  failed: whole('Jobs that ended so.'),
  canceled: whole('Jobs that ended so.'),
  expired: whole('Jobs that ended so.'),
  rows: whole('Rows of batches that were run.'),
};
const took = {
  total_ms: percentiles('From submission to the end.'),
  wait_ms: percentiles('From submission to the start of the run.'),
  mean_batch_size: Type.Optional(rate('Jobs in a micro-batch. Absent when none ran.')),
};

const figures = {
  waiting: whole('Jobs in the queue.'),
  chunks_waiting: whole('Chunks of batches in their queue.'),
  oldest_waiting_ms: Type.Optional(rate('Age of the oldest waiting job. Absent when none waits.')),
  per_second: closed(
    {
      submitted: rate('Jobs.'),
      ended: rate('Jobs.'),
      rows: rate('Rows of batches.'),
    },
    'Means over the window.',
  ),
  ...took,
  last_day: closed(ended, 'Counts over the last 24 hours.'),
};

const Point = closed(
  { at: Type.String({ format: 'date-time', description: 'When its stretch began.' }), ...ended, ...took },
  'One stretch of time.',
);
export type Point = Static<typeof Point>;

const WorkerBody = closed(
  {
    id: Type.String({ description: 'Another one after each start.' }),
    host: Type.String({ description: 'The machine that it runs on.' }),
    pid: whole('Process id on its host.'),
    started_at: Type.String({ format: 'date-time', description: 'When it started.' }),
    seen_ms_ago: whole('Since its last report.'),
    refused: Refusals('Packages that it cannot serve.'),
    models: Type.Array(
      closed(
        {
          name: Type.String({ description: 'Of the model.' }),
          version: Type.String({ description: 'Of the package.' }),
          engine: Type.String({ description: 'What runs it: gpu, webgpu, node or wasm.' }),
          device: Type.String({ description: 'What the engine runs on.' }),
          jobs: whole('Outcomes since it started.'),
          batches: whole('Micro-batches since it started.'),
          last_batch_size: whole('Jobs.'),
          mean_batch_size: rate('Jobs.'),
        },
        'A model as this worker serves it.',
      ),
      { description: 'What it serves.' },
    ),
  },
  'A worker that reported lately.',
);
export type WorkerBody = Static<typeof WorkerBody>;

/** What the dashboard draws. */
export const StatsBody = closed(
  {
    at: Type.String({ format: 'date-time', description: "By the store's clock." }),
    running: whole('Jobs and chunks of batches that run now.'),
    window_s: rate('Seconds over which rates and percentiles are taken: this minute and the one before.'),
    ...figures,
    models: Type.Array(
      closed(
        {
          name: Type.String({ description: 'Of the model.' }),
          running: whole('Jobs that run now. Chunks of batches are not counted by model.'),
          held_up: Type.Optional(HeldUp),
          ...figures,
        },
        'The same of one model.',
      ),
      { description: 'Each model by itself.' },
    ),
    workers: Type.Array(WorkerBody, { description: 'Those that reported lately.' }),
    history: closed(
      {
        step_s: whole('Seconds of one point.'),
        points: Type.Array(Point, {
          description: 'Oldest first; stretches in which nothing was are missing.',
        }),
      },
      'The past, of all models or of the one that was asked for.',
    ),
  },
  'What waits, runs and has ended.',
);
export type StatsBody = Static<typeof StatsBody>;

/** Figures of the service or of one model. */
export type Figures = Omit<StatsBody['models'][number], 'name' | 'running' | 'held_up'>;
