import type { Manifest } from './manifest.js';
import { type PlacedOutput, placeOutputs } from './outputs.js';

/** A label with its score. */
export interface Scored {
  label: string;
  score: number;
}

/** Numbers in arrays of any depth. */
export type Nested = number | Nested[];

/** One output of one row: a number, an array of a shape, a label, or the best labels with their scores. */
export type OutputValue = Nested | string | Scored[];

/** One row of a prediction as the job's result, or why it is none. */
export type RowResult = { ok: true; result: Record<string, OutputValue> } | { ok: false; message: string };

/** Reads row `row` out of a prediction, an array a source of the outputs ({@link outputSources}). */
export type ReadRow = (values: readonly Float32Array[], row: number) => RowResult;

/** Compiles a manifest's outputs: names, bounds, rounding and labels. */
export function createRowReader(manifest: Pick<Manifest, 'outputs'>): ReadRow {
  const outputs = placeOutputs(manifest);
  return (values, row) => {
    const message = problemOfRow(outputs, values, row);
    if (message !== undefined) return { ok: false, message };
    const result: Record<string, OutputValue> = {};
    for (const output of outputs) result[output.member] = valueOf(output, values[output.source]!, row);
    return { ok: true, result };
  };
}

/** Why a row has no result; undefined where it has one. */
export function problemOfRow(
  outputs: readonly PlacedOutput[],
  values: readonly Float32Array[],
  row: number,
): string | undefined {
  for (let index = 0; index < outputs.length; index += 1) {
    const output = outputs[index]!;
    const numbers = values[output.source];
    for (let at = row * output.width; at < (row + 1) * output.width; at += 1) {
      const problem = problemWith(numbers?.[at] ?? Number.NaN, output);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function problemWith(value: number, { member, minimum, maximum }: PlacedOutput): string | undefined {
  if (!Number.isFinite(value)) return `the model's ${member} is ${value}, which is no number to give`;
  if (minimum !== undefined && value < minimum) return `the model's ${member}, ${value}, is below ${minimum}`;
  if (maximum !== undefined && value > maximum) return `the model's ${member}, ${value}, is above ${maximum}`;
  return undefined;
}

/** The value of an output of a row that {@link problemOfRow} found nothing wrong with. */
export function valueOf(output: PlacedOutput, values: Float32Array, row: number): OutputValue {
  const { width, shape, labels, top } = output;
  if (!shape && !labels) return rounded(values[row]!, output);
  const own = values.subarray(row * width, (row + 1) * width);
  if (shape) {
    const numbers = Array.from(own, (value) => rounded(value, output));
    return nest(numbers, shape);
  }
  if (top === undefined) return labels![indexOfHighest(own)]!;
  return Array.from(own, (score, i) => ({ label: labels![i]!, score }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, top)
    .map(({ label, score }) => ({ label, score: rounded(score, output) }));
}

/** Arrays of a shape, made of their numbers in order. */
function nest(numbers: Nested[], shape: readonly number[]): Nested[] {
  let level = numbers;
  for (const size of shape.slice(1).toReversed()) {
    level = Array.from({ length: level.length / size }, (_, i) => level.slice(i * size, (i + 1) * size));
  }
  return level;
}

function indexOfHighest(scores: Float32Array): number {
  let highest = 0;
  for (let i = 1; i < scores.length; i += 1) if (scores[i]! > scores[highest]!) highest = i;
  return highest;
}

/** Powers of ten whose product with any float32 has less than 53 digits in base two: nothing is lost in it. */
const EXACT_POWERS = Array.from({ length: 9 }, (_, decimals) => 10 ** decimals);

/** A float32 as its output is given: what `Number(value.toFixed(decimals))` says, at a tenth of the time. */
export function rounded(value: number, { decimals }: { decimals?: number | undefined }): number {
  if (decimals === undefined) return value;
  const power = EXACT_POWERS[decimals];
  const whole = power === undefined ? Number.POSITIVE_INFINITY : Math.round(Math.abs(value) * power);
  if (power === undefined || whole > Number.MAX_SAFE_INTEGER) return Number(value.toFixed(decimals));
  return value < 0 ? -whole / power : whole / power;
}
