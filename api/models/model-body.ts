import { type Static, Type } from '../../shared/validation/schema.js';
import { Manifest } from '../../shared/model/manifest.js';
import { HeldUp } from './held-up.js';
import { presentHeldUp } from './serving.js';
import type { WorkerInfo } from '../../shared/workers/registry.js';

const { name, version, title, description, example, figures } = Manifest.properties;

const Output = Type.Object(
  {
    member: Type.String({ description: 'Member of the `result` of a job.' }),
    unit: Type.Optional(Type.String({ description: 'Of its numbers. Absent where they have none.' })),
    description: Type.Optional(Type.String({ description: 'What it says.' })),
  },
  { additionalProperties: false },
);

const Worker = Type.Object(
  {
    id: Type.String({ description: 'Another one after each start.' }),
    host: Type.String({ description: 'The machine that it runs on.' }),
    started_at: Type.String({ format: 'date-time', description: 'When it started.' }),
    version: Type.String({ description: 'Of the model that it serves.' }),
    engine: Type.String({ description: 'What runs the model: gpu, webgpu, node or wasm.' }),
    device: Type.String({ description: 'What the engine runs on.' }),
    passed_over: Type.Array(
      Type.Object(
        {
          engine: Type.String({ description: 'As above.' }),
          why: Type.String({ description: 'What spoke against it.' }),
        },
        { additionalProperties: false },
      ),
      { description: 'Engines that were tried before, and why they were not taken.' },
    ),
    jobs: Type.Integer({ minimum: 0, description: 'Outcomes since it started.' }),
    batches: Type.Integer({ minimum: 0, description: 'Micro-batches since it started.' }),
    last_batch_size: Type.Integer({ minimum: 0, description: 'Jobs of the last micro-batch.' }),
    mean_batch_size: Type.Number({ minimum: 0, description: 'Jobs of a micro-batch, on average.' }),
  },
  { additionalProperties: false, description: 'A worker that serves the model and reported lately.' },
);

/** A model as clients see it. */
export const ModelBody = Type.Object(
  {
    name,
    version,
    title,
    description,
    default: Type.Boolean({ description: 'Whether it answers requests that name no model.' }),
    input: Type.Object(
      {},
      { additionalProperties: true, description: 'JSON Schema (2020-12) of one input.' },
    ),
    example,
    outputs: Type.Array(Output, { description: 'What a result holds.' }),
    figures,
    workers: Type.Optional(Type.Array(Worker, { description: 'Absent when Redis cannot be asked.' })),
    held_up: Type.Optional(HeldUp),
    links: Type.Object(
      { self: Type.String({ description: 'GET reads it again.' }) },
      { additionalProperties: false, description: 'Where it is, relative to the service.' },
    ),
  },
  { additionalProperties: false, description: 'What can be predicted, from what, and who does it.' },
);
export type ModelBody = Static<typeof ModelBody>;

/** The body of a model. `workers`: all that reported lately; undefined when that is not known. */
export function presentModel(
  manifest: Manifest,
  { isDefault, workers }: { isDefault: boolean; workers: readonly WorkerInfo[] | undefined },
): ModelBody {
  return {
    name: manifest.name,
    version: manifest.version,
    title: manifest.title,
    description: manifest.description,
    default: isDefault,
    input: manifest.input,
    example: manifest.example,
    outputs: manifest.outputs.map((output) => ({
      member: output.member,
      ...(output.unit === undefined ? {} : { unit: output.unit }),
      ...(output.description === undefined ? {} : { description: output.description }),
    })),
    figures: manifest.figures,
    ...(workers ? { workers: workers.flatMap((worker) => presentWorker(worker, manifest.name)) } : {}),
    ...(workers ? presentHeldUp(manifest.name, workers) : {}),
    links: { self: `/models/${manifest.name}` },
  };
}

function presentWorker(
  { id, host, startedAtMs, models }: WorkerInfo,
  model: string,
): Static<typeof Worker>[] {
  return models
    .filter(({ name: served }) => served === model)
    .map((served) => ({
      id,
      host,
      started_at: new Date(startedAtMs).toISOString(),
      version: served.version,
      engine: served.engine,
      device: served.device,
      passed_over: served.passedOver,
      jobs: served.jobs,
      batches: served.batches,
      last_batch_size: served.lastBatchSize,
      mean_batch_size: served.meanBatchSize,
    }));
}
