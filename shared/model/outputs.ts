import type { Manifest, ManifestOutput } from './manifest.js';
import { sizeOf } from './tensor-members.js';

/** Numbers that outputs are made of: one of a row of a tensor, or all of them. Outputs may have the same. */
export interface OutputSource {
  tensor: string;
  /** Which number of a row; undefined: all. */
  column: number | undefined;
  /** How many a row. */
  width: number;
}

const sourceOf = ({ tensor, column = 0, shape, labels }: ManifestOutput): OutputSource => {
  const width = shape ? sizeOf(shape) : labels?.length;
  return width === undefined ? { tensor, column, width: 1 } : { tensor, column: undefined, width };
};

const isSame = (a: OutputSource, b: OutputSource): boolean =>
  a.tensor === b.tensor && a.column === b.column && a.width === b.width;

/** The distinct sources of a model's outputs: a prediction is an array each, rows times width, in this order. */
export function outputSources({ outputs }: Pick<Manifest, 'outputs'>): OutputSource[] {
  return outputs
    .map(sourceOf)
    .filter((source, i, all) => all.findIndex((other) => isSame(other, source)) === i);
}

/** An output with the place of its source. */
export interface PlacedOutput extends ManifestOutput {
  source: number;
  width: number;
}

export function placeOutputs({ outputs }: Pick<Manifest, 'outputs'>): PlacedOutput[] {
  const sources = outputSources({ outputs });
  return outputs.map((output) => {
    const own = sourceOf(output);
    return { ...output, source: sources.findIndex((source) => isSame(source, own)), width: own.width };
  });
}

/** How many numbers a row the sources of outputs have. */
export function widthsOf(outputs: readonly PlacedOutput[]): number[] {
  const widths: number[] = [];
  for (const { source, width } of outputs) widths[source] = width;
  return widths;
}
