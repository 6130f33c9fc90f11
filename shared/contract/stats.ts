import { type Static, Type } from '../validation/schema.js';
import { heldUp, refusals } from './model.js';
import { amount, closed, count, missingPartitions, moment, text } from './parts.js';

const percentiles = (description: string) =>
  Type.Optional(
    closed(
      { p50: amount('In ms.'), p95: amount('In ms.'), p99: amount('In ms.') },
      `${description} Absent when no job ran.`,
    ),
  );

const ended = {
  submitted: count('Jobs that were accepted.'),
  succeeded: count('Jobs that ended so.'),
  failed: count('Jobs that ended so.'),
  canceled: count('Jobs that ended so.'),
  expired: count('Jobs that ended so.'),
  rows: count('Rows of batches that were run.'),
};
const took = {
  total_ms: percentiles('From submission to the end.'),
  wait_ms: percentiles('From submission to the start of the run.'),
  mean_batch_size: Type.Optional(amount('Jobs in a micro-batch. Absent when none ran.')),
};

const figures = {
  waiting: count('Jobs in the queue.'),
  chunks_waiting: count('Chunks of batches in their queue.'),
  oldest_waiting_ms: Type.Optional(amount('Age of the oldest waiting job. Absent when none waits.')),
  per_second: closed(
    {
      submitted: amount('Jobs.'),
      ended: amount('Jobs.'),
      rows: amount('Rows of batches.'),
    },
    'Means over the window.',
  ),
  ...took,
  last_day: closed(ended, 'Counts over the last 24 hours.'),
};

const Point = closed({ at: moment('When its stretch began.'), ...ended, ...took }, 'One stretch of time.');
export type Point = Static<typeof Point>;

const WorkerBody = closed(
  {
    id: text('Another one after each start.'),
    host: text('The machine that it runs on.'),
    pid: count('Process id on its host.'),
    started_at: moment('When it started.'),
    seen_ms_ago: count('Since its last report.'),
    refused: refusals('Packages that it cannot serve.'),
    models: Type.Array(
      closed(
        {
          name: text('Of the model.'),
          version: text('Of the package.'),
          engine: text('What runs it: gpu, webgpu, node, wasm or onnx.'),
          device: text('What the engine runs on.'),
          jobs: count('Outcomes since it started.'),
          batches: count('Micro-batches since it started.'),
          last_batch_size: count('Jobs.'),
          mean_batch_size: amount('Jobs.'),
        },
        'A model as this worker serves it.',
      ),
      { description: 'What it serves.' },
    ),
  },
  'A worker that reported lately.',
);
export type WorkerBody = Static<typeof WorkerBody>;

/** The figures that the dashboard draws. */
export const StatsBody = closed(
  {
    at: moment("By the store's clock."),
    running: count('Jobs and chunks of batches that run now.'),
    window_s: amount('Seconds over which rates and percentiles are taken: this minute and the one before.'),
    ...figures,
    models: Type.Array(
      closed(
        {
          name: text('Of the model.'),
          running: count('Jobs that run now. Chunks of batches are not counted by model.'),
          held_up: heldUp,
          ...figures,
        },
        'The same of one model.',
      ),
      { description: 'Each model by itself.' },
    ),
    workers: Type.Array(WorkerBody, { description: 'Those that reported lately.' }),
    history: closed(
      {
        step_s: count('Seconds of one point.'),
        points: Type.Array(Point, {
          description: 'Oldest first; stretches in which nothing was are missing.',
        }),
      },
      'The past, of all models or of the one that was asked for.',
    ),
    missing_partitions: missingPartitions,
  },
  'What waits, runs and has ended.',
);
export type StatsBody = Static<typeof StatsBody>;

/** The work of a model's workers, for autoscalers. */
export const Demand = closed(
  {
    waiting: count('Jobs that wait and may start. A chunk of a batch counts as 64 jobs, a full micro-batch.'),
    held: count('Jobs that workers hold, in the same unit.'),
  },
  'The work that waits for workers, and that they have.',
);
export type Demand = Static<typeof Demand>;

/** Figures of the service or of one model. */
export type Figures = Omit<StatsBody['models'][number], 'name' | 'running' | 'held_up'>;
