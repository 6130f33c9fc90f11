import { readFileSync } from 'node:fs';
import { isRecord } from '../../../shared/text/is-record.js';
import { AppError, messageOf } from '../../../shared/errors.js';
import { LAST_ZONE, pairIndex } from '../zones.js';
import type { LinearModel } from './linear-regression.js';

/** A file of coefficients is none, or holds some that a linear trip model cannot have. */
export class CoefficientsError extends AppError {
  readonly code = 'coefficients_invalid';
  constructor(file: string, problems: readonly string[]) {
    const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => `\n  - ${problem}`);
    const rest = problems.length - shown.length;
    super(`${file}:${shown.join('')}${rest > 0 ? `\n  and ${rest} more` : ''}`);
  }
}

const MOST_PROBLEMS = 10;

/** `PU_DO=130_205`: what scikit-learn's DictVectorizer calls the indicator of value "130_205" of feature PU_DO. */
const PAIR_NAME = /^PU_DO=(\d{1,3})_(\d{1,3})$/;
const DISTANCE_NAME = 'trip_distance';

/** The format of a file of coefficients, for people. */
export const COEFFICIENTS_FORMAT = `The file holds {"intercept": b, "coefficients": {"PU_DO=130_205": w, ..., "${DISTANCE_NAME}": w}}, with the names that
scikit-learn's DictVectorizer gives. In Python, of a pipeline's vectorizer dv and its LinearRegression lr:
  weights = dict(zip(dv.get_feature_names_out(), lr.coef_.tolist()))
  json.dump({"intercept": float(lr.intercept_), "coefficients": weights}, open("coefficients.json", "w"))`;

/**
 * Reads `{ "intercept": b, "coefficients": { "PU_DO=130_205": w, ..., "trip_distance": w } }`, what a linear model
 * over DictVectorizer features consists of. A pair that is not named gets the intercept alone, as scikit-learn does
 * with values it has not seen. Throws {@link CoefficientsError} naming every member at fault.
 */
export function readCoefficients(file: string): LinearModel {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new CoefficientsError(file, [`cannot be read as JSON: ${messageOf(cause)}`]);
  }
  return parseCoefficients(value, file);
}

/** {@link readCoefficients} of a parsed document; `file` names it in the error. */
export function parseCoefficients(value: unknown, file: string): LinearModel {
  const { intercept, coefficients } = isRecord(value) ? value : {};
  const problems: string[] = [];
  if (!isNumber(intercept)) problems.push('#/intercept must be a number');
  if (!isRecord(coefficients)) problems.push('#/coefficients must be an object of numbers by feature name');
  const weights = Object.entries(isRecord(coefficients) ? coefficients : {});
  const base = isNumber(intercept) ? intercept : 0;
  const intercepts = new Map<number, number>();
  let slope: number | undefined;
  for (const [name, weight] of weights) {
    const pair = pairOf(name);
    if (!isNumber(weight)) problems.push(`#/coefficients/${name} must be a number`);
    else if (name === DISTANCE_NAME) slope = weight;
    else if (typeof pair === 'number') intercepts.set(pair, base + weight);
    else problems.push(`#/coefficients/${name} ${pair}`);
  }
  if (slope === undefined && problems.length === 0) {
    problems.push(`#/coefficients/${DISTANCE_NAME} is missing; give 0 for a model that has no use for it`);
  }
  if (problems.length > 0) throw new CoefficientsError(file, problems);
  return { slope: slope ?? 0, intercepts, defaultIntercept: base };
}

/** The pair that a feature stands for, or what is wrong with its name. */
function pairOf(name: string): number | string {
  const match = PAIR_NAME.exec(name);
  if (!match) return `is no feature this model can have: they are PU_DO=<zone>_<zone> and ${DISTANCE_NAME}`;
  const [pickup, dropoff] = [Number(match[1]), Number(match[2])];
  const known = [pickup, dropoff].every((zone) => zone >= 1 && zone <= LAST_ZONE);
  return known ? pairIndex(pickup, dropoff) : `names a zone outside 1 to ${LAST_ZONE}`;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
