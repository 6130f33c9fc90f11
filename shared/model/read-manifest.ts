import type { ValidateFunction } from 'ajv';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, ModelPackageError } from '../errors.js';
import { createAjv, requireSchema, violationsOf } from '../validation/ajv.js';
import { checkedInput, createInputAjv } from './checked-input.js';
import { ARRAY_OF, dtypeOf } from './columns.js';
import { Manifest, type ManifestColumn, type ManifestProperty } from './manifest.js';
import { openPackageFile } from './package-file.js';
import { pictureOf } from './picture.js';
import { documentedProperty, isTensorColumn } from './tensor-members.js';

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
  const properties = { ...value.input.properties };
  for (const column of value.columns.filter(isTensorColumn)) {
    properties[column.member] = documentedProperty(properties[column.member]!, column);
  }
  return { ...value, input: { ...value.input, properties } };
}

/** Problems that a schema cannot express: references between members, an unknown time zone, an unusable input schema. */
function contradictionsIn(manifest: Manifest): string[] {
  try {
    requireSchema(manifest.input);
    createAjv().compile(manifest.input);
  } catch (cause) {
    return [`#/input is not a usable JSON Schema: ${messageOf(cause)}`];
  }
  const problems = exampleProblems(manifest);
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
    problems.push(...shapeProblems(column, manifest).map((problem) => at + problem));
  });
  manifest.outputs.forEach(({ column, shape, labels, top }, index) => {
    const at = `#/outputs/${index}`;
    if ([column, shape, labels].filter((kind) => kind !== undefined).length > 1) {
      problems.push(`${at} may have one of "column", "shape" and "labels"`);
    }
    if (top !== undefined && top > (labels?.length ?? 0)) problems.push(`${at}/top needs as many "labels"`);
  });
  problems.push(
    ...duplicates(manifest.outputs.map((output) => output.member)).map((m) => `#/outputs name "${m}" twice`),
  );
  return problems;
}

/** Rules that the example breaks. Without its shapes it cannot be checked. */
function exampleProblems(manifest: Manifest): string[] {
  if (manifest.columns.some((column) => isTensorColumn(column) && !column.shape)) return [];
  const validate = createInputAjv().compile(checkedInput(manifest));
  if (validate(manifest.example)) return [];
  return violationsOf(validate, '#/example').map((v) => `${v.pointer} ${v.detail}`);
}

/** Members of a column that are for some encodings alone. */
const RESERVED = {
  fit: 'the encoding "image"',
  max_bytes: 'the encoding "image"',
  shape: 'the encodings "array", "base64" and "image"',
  scale: 'the encodings "array", "base64" and "image"',
  offset: 'the encodings "array", "base64" and "image"',
} as const;

/** Rules of the columns that fill a tensor alone. */
function shapeProblems(column: ManifestColumn, { columns }: Manifest): string[] {
  const { encoding, shape, scale, offset, tensor } = column;
  const problems = Object.entries(RESERVED).flatMap(([member, kinds]) =>
    column[member as keyof typeof RESERVED] === undefined || kinds.includes(`"${encoding}"`)
      ? []
      : [`/${member} is for ${kinds}, not for "${encoding}"`],
  );
  if (!isTensorColumn(column)) return problems;
  if (!shape) problems.push(`/shape is required: what a row of the tensor "${tensor}" is`);
  if (encoding === 'image' && shape && !pictureOf(shape)) {
    problems.push(
      '/shape of an image is [height, width, channels] or [channels, height, width], channels 1 or 3',
    );
  }
  if (columns.some((other) => other !== column && other.tensor === tensor)) {
    problems.push(`/tensor "${tensor}" is filled by another column, too`);
  }
  if (dtypeOf(column) !== 'float32' && (scale ?? offset) !== undefined) {
    problems.push('/scale and /offset need a tensor of float32');
  }
  if (dtypeOf(column) === 'bool' && encoding !== 'array') {
    problems.push('/dtype bool cannot be made of bytes');
  }
  return problems;
}

/** JSON types that an encoding takes; an `enum` takes whatever is listed. */
const TYPES_OF: Readonly<Record<Exclude<ManifestColumn['encoding'], 'enum'>, readonly unknown[]>> = {
  number: ['number', 'integer'],
  integer: ['integer'],
  boolean: ['boolean'],
  minute_of_week: ['string'],
  array: ['array'],
  base64: ['string'],
  image: ['string'],
};

/** Values that a member's schema allows and its encoding cannot take, and a default that the schema or the tensor cannot hold. */
function encodingProblems(column: ManifestColumn, property: ManifestProperty): string[] {
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
