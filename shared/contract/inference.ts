import { type SchemaOf, type Static, Type, WELL_FORMED } from '../validation/schema.js';
import { closed, listOf, text, word } from './parts.js';

// The bodies of the Open Inference Protocol, version 2, by https://github.com/kserve/open-inference-protocol, with Triton's
// binary tensors. What the protocol lets clients add stays allowed in requests, and is ignored.

const OPEN = { additionalProperties: true };

/** The datatypes of the protocol but FP16, which Node cannot read. */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP32',
  'FP64',
  'BYTES',
] as const;
export type Datatype = (typeof DATATYPES)[number];

const Name = Type.String({ minLength: 1, maxLength: 200, description: 'Of the tensor.' });
const datatype = word<Datatype>(DATATYPES, 'Of the values.');
const size = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const shapeOf = (minimum: number, description: string) =>
  Type.Array(Type.Integer({ minimum }), { minItems: 1, maxItems: 16, description });
const parameters = <const P extends Parameters<typeof Type.Object>[0]>(members: P) =>
  Type.Optional(Type.Object(members, { ...OPEN, description: 'Other parameters are ignored.' }));

/** A tensor of a request: with `data`, or with the parameter `binary_data_size`. */
const RequestedTensor = Type.Object(
  {
    name: Name,
    shape: shapeOf(1, 'Rows, then the shape of a row.'),
    datatype,
    parameters: parameters({ binary_data_size: size('Bytes of the tensor behind the JSON.') }),
    data: Type.Optional(Type.Array(Type.Unknown(), { description: 'The values, flat or nested.' })),
  },
  OPEN,
);

/** The JSON of `POST /v2/models/{name}/infer`. */
export const InferenceBody = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: WELL_FORMED,
        description: 'Comes back; a `request_id` of jobs.',
      }),
    ),
    parameters: parameters({ binary_data_output: flag('Whether outputs are binary that do not say.') }),
    inputs: Type.Array(RequestedTensor, {
      minItems: 1,
      maxItems: 1_000,
      description: 'A tensor for each member of the input, all of as many rows.',
    }),
    outputs: Type.Optional(
      Type.Array(
        Type.Object(
          { name: Name, parameters: parameters({ binary_data: flag('Whether it comes behind the JSON.') }) },
          OPEN,
        ),
        { maxItems: 1_000, description: 'The outputs that are wanted; all of them where none is named.' },
      ),
    ),
  },
  { ...OPEN, description: 'Rows to be predicted, as tensors.' },
);
export type InferenceBody = Static<typeof InferenceBody>;

const ready = Type.Boolean({ description: 'Whether it answers predictions now.' });
const tensors = (component: string, description: string): SchemaOf<unknown[]> =>
  listOf(component, description);

/** What is answered under `/v2`, by the names of the components. */
export const INFERENCE_ANSWERS = {
  InferenceAnswer: closed(
    {
      model_name: text('The model that predicted.'),
      model_version: text('Its version.'),
      id: Type.Optional(text('Of the request.')),
      outputs: tensors('OutputTensor', 'The outputs of all rows.'),
    },
    'The predictions, as tensors.',
  ),
  OutputTensor: closed(
    {
      name: Name,
      datatype,
      shape: shapeOf(0, 'Rows, then the shape of a row.'),
      parameters: Type.Optional(
        closed({ binary_data_size: size('Bytes of the tensor behind the JSON.') }, 'Of a binary tensor.'),
      ),
      data: Type.Optional(
        Type.Array(Type.Unknown(), { description: 'The values, flat; absent of binary ones.' }),
      ),
    },
    'One output.',
  ),
  InferenceModel: closed(
    {
      name: text('Of the model.'),
      versions: Type.Array(Type.String(), { description: 'The one that is served.' }),
      platform: text('The kind of package.'),
      inputs: tensors('TensorMetadata', 'What it takes.'),
      outputs: tensors('TensorMetadata', 'What it gives.'),
    },
    'A model and its tensors.',
  ),
  TensorMetadata: closed(
    { name: Name, datatype, shape: shapeOf(-1, '-1 for any number of rows, then the shape of a row.') },
    'A tensor of a model.',
  ),
  InferenceServer: closed(
    {
      name: text('Of the service.'),
      version: text('Of the software.'),
      extensions: Type.Array(Type.String(), { description: 'Of the protocol.' }),
    },
    'The service.',
  ),
  ServerLive: closed({ live: Type.Boolean({ description: 'Always true.' }) }, 'The process is up.'),
  ServerReady: closed({ ready }, 'Whether work should be sent here.'),
  ModelReady: closed({ name: text('Of the model.'), ready }, 'Whether a worker serves the model.'),
  InferenceError: closed({ error: text('What is wrong, for people.') }, 'A refusal under `/v2`.'),
};
