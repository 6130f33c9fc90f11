import { Manifest } from '../model/manifest.js';
import { type Static, Type } from '../validation/schema.js';
import { amount, closed, count, listOf, moment, text } from './parts.js';

const { name, version, title, description, example, figures } = Manifest.properties;

/** Why no job of a model runs. */
export const heldUp = Type.Optional(
  text('Why no job of it runs: no worker is there, or none that can serve it. Absent while one serves it.'),
);

/** Packages that cannot be used. */
export const refusals = (of: string) =>
  Type.Array(
    closed(
      { name: text('Of the package.'), reason: text('What is wrong with it.') },
      'A package that is refused.',
    ),
    { description: of },
  );

const sizes = (of: string) => Type.Array(Type.Integer({ minimum: 1 }), { description: of });

const Output = closed({
  member: text('Member of the `result` of a job.'),
  unit: Type.Optional(text('Of its numbers. Absent where they have none.')),
  description: Type.Optional(text('What it says.')),
  shape: Type.Optional(sizes('It is nested arrays of this shape. Absent where it is none.')),
  labels: Type.Optional(
    Type.Array(Type.String(), {
      description: 'It is one of these, or with `top` several. Absent where it is none.',
    }),
  ),
  top: Type.Optional(count('It is so many `labels`, the best first, each with its `score`.')),
});

const PassedOver = closed({ engine: text('As above.'), why: text('What spoke against it.') });

const ModelWorker = closed(
  {
    id: text('Another one after each start.'),
    host: text('The machine that it runs on.'),
    started_at: moment('When it started.'),
    version: text('Of the model that it serves.'),
    engine: text('What runs the model: gpu, webgpu, node, wasm or onnx.'),
    device: text('What the engine runs on.'),
    passed_over: Type.Array(PassedOver, {
      description: 'Engines that were tried before, and why they were not taken.',
    }),
    jobs: count('Outcomes since it started.'),
    batches: count('Micro-batches since it started.'),
    last_batch_size: count('Jobs of the last micro-batch.'),
    mean_batch_size: amount('Jobs of a micro-batch, on average.'),
  },
  'A worker that serves the model and reported lately.',
);
export type ModelWorker = Static<typeof ModelWorker>;

/** A model as clients see it. */
export const ModelBody = closed(
  {
    name,
    version,
    title,
    description,
    default: Type.Boolean({ description: 'Whether it answers requests that name no model.' }),
    input: Type.AnyObject({ description: 'JSON Schema (2020-12) of one input.' }),
    input_shapes: Type.Optional(
      Type.Record(Type.String(), sizes('Of one of them.'), {
        description:
          'Shapes of the members that are numbers in an array, or bytes in base64. Absent where none is.',
      }),
    ),
    example,
    outputs: Type.Array(Output, { description: 'What a result holds.' }),
    figures,
    workers: Type.Optional(Type.Array(ModelWorker, { description: 'Absent when Redis cannot be asked.' })),
    held_up: heldUp,
    links: closed({ self: text('GET reads it again.') }, 'Where it is, relative to the service.'),
  },
  'What can be predicted, from what, and who does it.',
);
export type ModelBody = Static<typeof ModelBody>;

/** Every model that can be asked. */
export const ModelList = closed(
  {
    models: listOf<ModelBody>('Model', 'By name.'),
    refused: refusals(
      'Packages that this process cannot use; of one that is also listed above an older version serves.',
    ),
  },
  'Every model that is served.',
);
export type ModelList = Static<typeof ModelList>;
