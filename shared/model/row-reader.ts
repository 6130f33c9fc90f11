import type { Manifest, ManifestOutput } from './manifest.js';

/** One row of a prediction as the job's result, or why it is none. */
export type RowResult = { ok: true; result: Record<string, number> } | { ok: false; message: string };

/** Reads row `row` out of a prediction's outputs, which are in the manifest's order. */
export type ReadRow = (outputs: readonly Float32Array[], row: number) => RowResult;

/** Compiles a manifest's outputs: names, bounds and rounding. */
export function createRowReader({ outputs }: Pick<Manifest, 'outputs'>): ReadRow {
  return (values, row) => {
    const message = problemOfRow(outputs, values, row);
    if (message !== undefined) return { ok: false, message };
    const result: Record<string, number> = {};
    outputs.forEach((output, index) => {
      result[output.member] = rounded(values[index]![row]!, output);
    });
    return { ok: true, result };
  };
}

/** Why a row has no result; undefined where it has one. */
export function problemOfRow(
  outputs: readonly ManifestOutput[],
  values: readonly Float32Array[],
  row: number,
): string | undefined {
  for (let index = 0; index < outputs.length; index += 1) {
    const problem = problemWith(values[index]?.[row] ?? Number.NaN, outputs[index]!);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemWith(value: number, { member, minimum, maximum }: ManifestOutput): string | undefined {
  if (!Number.isFinite(value)) return `the model's ${member} is ${value}, which is no number to give`;
  if (minimum !== undefined && value < minimum) return `the model's ${member}, ${value}, is below ${minimum}`;
  if (maximum !== undefined && value > maximum) return `the model's ${member}, ${value}, is above ${maximum}`;
  return undefined;
}

/** Powers of ten whose product with any float32 has less than 53 digits in base two: nothing is lost in it. */
const EXACT_POWERS = Array.from({ length: 9 }, (_, decimals) => 10 ** decimals);

/** A float32 as its output is given: what `Number(value.toFixed(decimals))` says, at a tenth of the time. */
export function rounded(value: number, { decimals }: Pick<ManifestOutput, 'decimals'>): number {
  if (decimals === undefined) return value;
  const power = EXACT_POWERS[decimals];
  const whole = power === undefined ? Number.POSITIVE_INFINITY : Math.round(Math.abs(value) * power);
  if (power === undefined || whole > Number.MAX_SAFE_INTEGER) return Number(value.toFixed(decimals));
  return value < 0 ? -whole / power : whole / power;
}
