import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from '../validation/schema.js';
import type { ValidateFunction } from 'ajv';
import { messageOf, ModelPackageError } from '../errors.js';
import { ARRAY_OF, dtypeOf } from './columns.js';
import { openPackageFile } from './package-file.js';
import { createAjv, requireSchema, violationsOf } from '../validation/ajv.js';

/** How one input member becomes one number. `minute_of_week`: 0 = absent, else 1 + minutes since Sunday 00:00. */
const Encoding = Type.Union([
  Type.Literal('number'),
  Type.Literal('integer'),
  Type.Literal('boolean'),
  Type.Literal('enum'),
  Type.Literal('minute_of_week'),
]);

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
      description: 'Output tensor of the model, of shape [rows] or [rows, n].',
    }),
    column: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Which of its n numbers. 0 unless given.' }),
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
type Property = Static<typeof Property>;

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
    format: Type.Union([Type.Literal('tfjs-layers'), Type.Literal('tfjs-graph')]),
    input: InputSchema,
    example: Type.Object(
      {},
      { additionalProperties: true, description: 'A valid input, for documentation and forms.' },
    ),
    timezone: Type.Optional(Type.String({ description: 'IANA zone in which `minute_of_week` counts.' })),
    columns: Type.Array(Column, { minItems: 1 }),
    outputs: Type.Array(Output, { minItems: 1 }),
    figures: Type.Record(Type.String(), Type.Unknown(), { description: 'Of its training and validation.' }),
  },
  { additionalProperties: false },
);
export type Manifest = Static<typeof Manifest>;
export type ManifestColumn = Static<typeof Column>;
export type ManifestOutput = Static<typeof Output>;

/** Largest manifest that is read. */
const LIMIT_BYTES = 1_048_576;

/** Reads and checks `<folder>/manifest.json`. Throws {@link ModelPackageError} naming every member at fault. */
export function readManifest(folder: string): Manifest {
  const file = join(folder, 'manifest.json');
  const { fd } = openPackageFile(folder, 'manifest.json', LIMIT_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(fd, 'utf8'));
  } catch (cause) {
    throw new ModelPackageError(file, [messageOf(cause)]);
  } finally {
    closeSync(fd);
  }
  return parseManifest(value, file);
}

let isManifest: ValidateFunction<Manifest> | undefined;

/** Checks a manifest against its schema and against itself. `where` names its source in the error. */
export function parseManifest(value: unknown, where: string): Manifest {
  isManifest ??= createAjv().compile<Manifest>(Manifest);
  if (!isManifest(value)) {
    throw new ModelPackageError(
      where,
      violationsOf(isManifest).map((v) => `${v.pointer} ${v.detail}`),
    );
  }
  const problems = contradictionsIn(value);
  if (problems.length > 0) throw new ModelPackageError(where, problems);
  return value;
}

/** What a schema cannot say: members that must refer to each other, and a zone and input schema that must work. */
function contradictionsIn(manifest: Manifest): string[] {
  const problems: string[] = [];
  try {
    requireSchema(manifest.input);
    const validate = createAjv().compile(manifest.input);
    if (!validate(manifest.example)) {
      problems.push(...violationsOf(validate, '#/example').map((v) => `${v.pointer} ${v.detail}`));
    }
  } catch (cause) {
    return [`#/input is not a usable JSON Schema: ${messageOf(cause)}`];
  }
  manifest.columns.forEach((column, index) => {
    const at = `#/columns/${index}`;
    const { properties } = manifest.input;
    const property = Object.hasOwn(properties, column.member) ? properties[column.member] : undefined;
    if (!property) problems.push(`${at}/member "${column.member}" is not a property of #/input`);
    else problems.push(...encodingProblems(column, property).map((problem) => at + problem));
    if (column.encoding === 'minute_of_week' && !isTimezone(manifest.timezone)) {
      problems.push(`#/timezone must be an IANA time zone, since ${at} is a minute_of_week`);
    }
    const first = manifest.columns.find((other) => other.tensor === column.tensor);
    if (first && dtypeOf(first) !== dtypeOf(column)) {
      problems.push(`${at}/dtype differs from another column of tensor "${column.tensor}"`);
    }
  });
  problems.push(
    ...duplicates(manifest.outputs.map((output) => output.member)).map((m) => `#/outputs name "${m}" twice`),
  );
  return problems;
}

/** JSON types that an encoding takes; an `enum` takes whatever is listed. */
const TYPES_OF: Readonly<Record<Exclude<ManifestColumn['encoding'], 'enum'>, readonly unknown[]>> = {
  number: ['number', 'integer'],
  integer: ['integer'],
  boolean: ['boolean'],
  minute_of_week: ['string'],
};

/** What a member's schema allows that its encoding cannot take, and a default that the schema or the tensor cannot. */
function encodingProblems(column: ManifestColumn, property: Property): string[] {
  const { member, encoding, default: value } = column;
  const at = `#/input/properties/${member}`;
  if (encoding === 'enum') {
    if (!property.enum) return [`/encoding "enum" needs ${at}/enum`];
    if (property.enum.some((entry) => typeof entry === 'object' && entry !== null)) {
      return [`/encoding "enum" takes no arrays and objects, which ${at}/enum lists`];
    }
  } else {
    const taken = TYPES_OF[encoding];
    if (![property.type].flat().every((type) => taken.includes(type))) {
      const type = JSON.stringify(property.type) ?? 'missing';
      return [`/encoding "${encoding}" needs ${at}/type to be ${taken.join(' or ')}; it is ${type}`];
    }
  }
  if (value === undefined) return [];
  const dtype = dtypeOf(column);
  if (dtype !== 'float32' && new ARRAY_OF[dtype]([value])[0] !== value) {
    return [`/default of "${member}" is ${value}, which a tensor of ${dtype} cannot hold`];
  }
  if (encoding !== 'number' && encoding !== 'integer') return [];
  const validate = createAjv().compile(property);
  if (validate(value)) return [];
  return violationsOf(validate, '').map(({ detail }) => `/default of "${member}" breaks ${at}: it ${detail}`);
}

const duplicates = (names: string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

function isTimezone(zone: string | undefined): boolean {
  if (zone === undefined) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
