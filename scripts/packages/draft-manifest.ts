import { ModelPackageError } from '../../shared/errors.js';
import type { Manifest, ManifestColumn, ManifestOutput } from '../../shared/model/manifest.js';
import { pictureOf } from '../../shared/model/picture.js';
import { sizeOf } from '../../shared/model/tensor-members.js';
import type { DeclaredTensor } from '../../worker/inference/child/binding.js';

/** A manifest in the making, and what a person has to answer. */
export interface Draft {
  manifest: Manifest;
  questions: string[];
}

/** A tensor of numbers side by side, up to this width, becomes one member a number; others become an array. */
const MOST_MEMBERS = 32;

/** Numbers of a tensor that fit into the example of a manifest, which has 1 MiB at the most. */
const MOST_IN_EXAMPLE = 500_000;
/** Numbers of one row that are taken to be meant. */
const MOST_IN_ROW = 16_777_216;

/** The `dtype` of the columns that fill a tensor of a type. */
const DTYPES: Readonly<Record<string, NonNullable<ManifestColumn['dtype']>>> = {
  float32: 'float32',
  float64: 'float32',
  int32: 'int32',
  int64: 'int32',
  bool: 'bool',
};
/** Encoding, JSON type and zero of one number. */
const NUMBERS = {
  float32: { encoding: 'number', type: 'number', zero: 0 },
  int32: { encoding: 'integer', type: 'integer', zero: 0 },
  bool: { encoding: 'boolean', type: 'boolean', zero: false },
} as const;

/** A manifest without inputs and outputs. */
export const emptyManifest = (name: string, format: Manifest['format']): Manifest => ({
  schema: 1,
  name,
  version: '1.0.0',
  title: name,
  description: `Predictions of ${name}.`,
  format,
  input: { type: 'object', properties: {}, required: [], additionalProperties: false },
  example: {},
  columns: [],
  outputs: [],
  figures: {},
});

/**
 * Adds members for the input tensors of a network, with an example of zeros. `rowShapes` has the shapes of rows whose sizes the
 * file leaves open. Throws {@link ModelPackageError} naming every tensor that cannot be filled.
 */
export function draftInputs(
  { manifest, questions }: Draft,
  inputs: readonly DeclaredTensor[],
  rowShapes: ReadonlyMap<string, readonly number[]>,
): void {
  const problems: string[] = [];
  const add = (column: ManifestColumn, type: string, zero: unknown): void => {
    manifest.columns.push(column);
    manifest.input.properties[column.member] = { type };
    // A member that is absent is zeros, too.
    if (column.encoding !== 'image' && sizeOf(column.shape ?? []) > MOST_IN_EXAMPLE) return;
    manifest.input.required?.push(column.member);
    manifest.example[column.member] = zero;
  };
  const unused = new Set(rowShapes.keys());
  for (const { name: tensor, type, shape } of inputs) {
    unused.delete(tensor);
    const row = rowShapes.get(tensor) ?? shape?.slice(1);
    const dtype = DTYPES[type];
    if (!dtype) {
      problems.push(
        `the input tensor "${tensor}" takes ${type}, and columns fill ${Object.keys(DTYPES).join(', ')} (docs/models.md)`,
      );
    } else if (!row || row.some((size) => size < 1)) {
      const declared = shape ? `of shape [${shape.join(', ')}] has open sizes` : 'has no declared shape';
      problems.push(
        `the input tensor "${tensor}" ${declared}: give those of one row, as in --shape ${tensor}=224,224,3`,
      );
    } else if (sizeOf(row) > MOST_IN_ROW) {
      problems.push(
        `the input tensor "${tensor}" has ${sizeOf(row)} numbers a row, and ${MOST_IN_ROW} are the most`,
      );
    } else if (row.length < 2 && sizeOf(row) <= MOST_MEMBERS) {
      const { encoding, type: memberType, zero } = NUMBERS[dtype];
      const width = sizeOf(row);
      const first = manifest.columns.length;
      for (let i = 0; i < width; i += 1) {
        const member = unusedName(width === 1 ? tensor : `${tensor}_${i}`, manifest.input.properties);
        add({ member, encoding, tensor }, memberType, zero);
      }
      const members = manifest.columns.slice(first).map(({ member }) => member);
      questions.push(
        width === 1
          ? `What is the number of the tensor "${tensor}", now called ${members[0]}?`
          : `What are the ${width} numbers of the tensor "${tensor}", in the order of ${members.join(', ')}?`,
      );
    } else {
      const member = unusedName(tensor, manifest.input.properties);
      if (isPicture(row) && dtype !== 'bool') {
        add({ member, encoding: 'image', tensor, dtype, shape: [...row] }, 'string', BLACK_PNG);
        questions.push(
          `The tensor "${tensor}" of shape [${row.join(', ')}] is taken for a picture, given as a JPEG, PNG or WebP file. How did the training make pictures fit: "fit" is "cover" (their middle), "contain" or "fill" (stretched)? Which numbers did it see? "scale": 0.00392156862745098 makes 0 to 1 of the bytes of a pixel, 0.00784313725490196 with "offset": -1 makes -1 to 1. No picture: "encoding" and "type" are "array", and the example is numbers.`,
        );
      } else {
        const zeros = Array.from({ length: sizeOf(row) }, () => 0);
        add({ member, encoding: 'array', tensor, dtype, shape: [...row] }, 'array', zeros);
        questions.push(
          `What is the tensor "${tensor}" of shape [${row.join(', ')}], now called ${member}? Did the training scale it? Then give "scale" and "offset".`,
        );
      }
    }
  }
  problems.push(...Array.from(unused, (name) => `--shape names "${name}", which is no input tensor`));
  if (problems.length > 0) throw new ModelPackageError(manifest.name, problems);
}

/** Adds a member for each output tensor; `widths` are the numbers of a row of each. */
export function draftOutputs(
  { manifest, questions }: Draft,
  outputs: readonly DeclaredTensor[],
  widths: readonly number[],
): void {
  const taken: Record<string, unknown> = {};
  manifest.outputs = outputs.map(({ name: tensor, shape }, i): ManifestOutput => {
    const width = widths[i]!;
    const member = unusedName(tensor, taken);
    taken[member] = true;
    if (width === 1) {
      questions.push(
        `What is the output ${member}, in which "unit", with how many "decimals", from which "minimum" to which "maximum"?`,
      );
      return { member, tensor };
    }
    const row = shape?.slice(1) ?? [];
    const own = row.length > 0 && row.every((size) => size > 0) && sizeOf(row) === width ? [...row] : [width];
    const orLabels =
      'Scores of kinds: "labels" with their names in place of "shape". One of them: its "column". Else "shape" may nest them.';
    questions.push(
      `What are the ${width} numbers of the output ${member}?${own.length === 1 ? ` ${orLabels}` : ''}`,
    );
    return { member, tensor, shape: own };
  });
}

/** A black pixel as a PNG file. */
const BLACK_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

function isPicture(row: readonly number[]): boolean {
  const { height = 0, width = 0 } = pictureOf(row) ?? {};
  return height > 4 && width > 4;
}

/** A tensor's name as that of a member which is not there yet. */
function unusedName(tensor: string, taken: Readonly<Record<string, unknown>>): string {
  const plain =
    tensor
      .replace(/:\d+$/, '')
      .replaceAll(/[^A-Za-z0-9]+/g, '_')
      .replaceAll(/^_+|_+$/g, '') || 'value';
  let name = plain;
  for (let n = 2; Object.hasOwn(taken, name); n += 1) name = `${plain}_${n}`;
  return name;
}
