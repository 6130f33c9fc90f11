import { type Static, Type } from '../validation/schema.js';

/**
 * The encoding of an input member as one number, or as many. `minute_of_week`: 0 = absent, else 1 + minutes since Sunday 00:00;
 * `array`: numbers in JSON arrays; `base64`: bytes, a number each; `image`: a JPEG, PNG or WebP file in base64.
 */
const Encoding = Type.Union([
  Type.Literal('number'),
  Type.Literal('integer'),
  Type.Literal('boolean'),
  Type.Literal('enum'),
  Type.Literal('minute_of_week'),
  Type.Literal('array'),
  Type.Literal('base64'),
  Type.Literal('image'),
]);

const shape = (description: string) =>
  Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 8, description });

const Dtype = Type.Union([Type.Literal('float32'), Type.Literal('int32'), Type.Literal('bool')]);

const Column = Type.Object(
  {
    member: Type.String({ minLength: 1, description: 'Member of the input object, a property of `input`.' }),
    encoding: Encoding,
    tensor: Type.String({
      minLength: 1,
      description:
        'Input tensor of the model. Columns that name the same tensor stand side by side in it, in this order.',
    }),
    dtype: Type.Optional(Dtype),
    default: Type.Optional(Type.Number({ description: 'Taken when the member is absent. 0 unless given.' })),
    shape: Type.Optional(
      shape('Of an `array`, `base64` or `image`, which fill their tensor alone: its shape without the rows.'),
    ),
    scale: Type.Optional(Type.Number({ description: 'Numbers of a `shape` are multiplied with this.' })),
    offset: Type.Optional(Type.Number({ description: 'This is added then.' })),
    fit: Type.Optional(
      Type.Union([Type.Literal('cover'), Type.Literal('contain'), Type.Literal('fill')], {
        description:
          'How an `image` gets the size of its shape. `cover`: its middle, cut to the proportions; `contain`: all of it, ' +
          'between black bars; `fill`: all of it, stretched. `cover` unless given.',
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 16_777_216, description: 'Of an `image`. 1 MiB unless given.' }),
    ),
  },
  { additionalProperties: false },
);

const Output = Type.Object(
  {
    member: Type.String({ minLength: 1, description: 'Member of the result object.' }),
    unit: Type.Optional(Type.String({ minLength: 1 })),
    description: Type.Optional(Type.String()),
    tensor: Type.String({
      minLength: 1,
      description: 'Output tensor of the model: the rows, and then the numbers of a row.',
    }),
    column: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Which of its n numbers. 0 unless given.' }),
    ),
    shape: Type.Optional(shape('All numbers of a row, as nested arrays of this shape.')),
    labels: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 2,
        description: 'Names of its n numbers, which are scores: the answer is the name of the highest.',
      }),
    ),
    top: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Answer so many of the `labels`, the best first, each with its score.',
      }),
    ),
    minimum: Type.Optional(Type.Number({ description: 'A smaller answer is an invalid_output.' })),
    maximum: Type.Optional(Type.Number({ description: 'A larger answer is an invalid_output.' })),
    decimals: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 15, description: 'Round to so many decimals.' }),
    ),
  },
  { additionalProperties: false },
);

const Property = Type.Object(
  { type: Type.Optional(Type.Unknown()), enum: Type.Optional(Type.Array(Type.Unknown())) },
  { additionalProperties: true },
);
export type ManifestProperty = Static<typeof Property>;

const InputSchema = Type.Object(
  {
    type: Type.Literal('object'),
    properties: Type.Record(Type.String(), Property),
    required: Type.Optional(Type.Array(Type.String())),
    additionalProperties: Type.Literal(false),
  },
  { additionalProperties: true },
);

/** `manifest.json` of a model package: all that the API and the worker know about a model. */
export const Manifest = Type.Object(
  {
    schema: Type.Literal(1, { description: 'Version of the manifest format.' }),
    name: Type.String({
      pattern: '^[a-z][a-z0-9-]{0,62}$',
      description: 'Also the name of its folder and its queue.',
    }),
    version: Type.String({
      pattern: '^\\d+\\.\\d+\\.\\d+([-+][0-9A-Za-z.+-]+)?$',
      description: 'Of the package, as in semantic versioning.',
    }),
    title: Type.String({ minLength: 1, description: 'Its name for people.' }),
    description: Type.String({ minLength: 1, description: 'What it predicts, in a sentence or two.' }),
    format: Type.Union([Type.Literal('tfjs-layers'), Type.Literal('tfjs-graph'), Type.Literal('onnx')]),
    input: InputSchema,
    example: Type.AnyObject({ description: 'A valid input, for documentation and forms.' }),
    timezone: Type.Optional(Type.String({ description: 'IANA zone in which `minute_of_week` counts.' })),
    columns: Type.Array(Column, { minItems: 1 }),
    outputs: Type.Array(Output, { minItems: 1 }),
    max_batch: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_536, description: 'Most rows that it is to run at once.' }),
    ),
    figures: Type.Record(Type.String(), Type.Unknown(), { description: 'Of its training and validation.' }),
  },
  { additionalProperties: false },
);
export type Manifest = Static<typeof Manifest>;
export type ManifestColumn = Static<typeof Column>;
export type ManifestOutput = Static<typeof Output>;
