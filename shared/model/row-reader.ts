import type { Manifest, ManifestOutput } from './manifest.js';

/** One row of a prediction as the job's result, or why it is none. */
export type RowResult = { ok: true; result: Record<string, number> } | { ok: false; message: string };

/** Reads row `row` out of a prediction's outputs, which are in the manifest's order. */
export type ReadRow = (outputs: readonly Float32Array[], row: number) => RowResult;

/** Compiles a manifest's outputs: names, bounds and rounding. */
export function createRowReader({ outputs }: Pick<Manifest, 'outputs'>): ReadRow {
  return (values, row) => {
    const result: Record<string, number> = {};
    for (const [index, output] of outputs.entries()) {
      const value = values[index]?.[row] ?? Number.NaN;
      const problem = problemWith(value, output);
      if (problem) return { ok: false, message: problem };
      result[output.member] = output.decimals === undefined ? value : Number(value.toFixed(output.decimals));
    }
    return { ok: true, result };
  };
}

/** Compiles the check alone: whether a row has a result. */
export const createRowCheck =
  ({ outputs }: Pick<Manifest, 'outputs'>) =>
  (values: readonly Float32Array[], row: number): boolean =>
    outputs.every((output, index) => problemWith(values[index]?.[row] ?? Number.NaN, output) === undefined);

function problemWith(value: number, { member, minimum, maximum }: ManifestOutput): string | undefined {
  if (!Number.isFinite(value)) return `the model's ${member} is ${value}, which is no number to give`;
  if (minimum !== undefined && value < minimum) return `the model's ${member}, ${value}, is below ${minimum}`;
  if (maximum !== undefined && value > maximum) return `the model's ${member}, ${value}, is above ${maximum}`;
  return undefined;
}
