import { toUSVString } from 'node:util';
import { type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { FieldProblem } from '../contract/problem.js';
import { WELL_FORMED } from './schema.js';

const OPTIONS = { strict: true, allErrors: true, allowUnionTypes: true } as const;

/**
 * ajv for JSON Schema 2020-12: strict about schemas, and it reports every broken rule, not the first. For schemas of our
 * own, and those that {@link requireSchema} lets pass: it does not hold them against JSON Schema's own schema.
 */
export function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({ ...OPTIONS, meta: false, validateSchema: false });
  // `iso-date-time` is RFC 3339 whose offset may be missing; the other formats are the standard's own.
  formats.default(ajv);
  return ajv;
}

let rules: Ajv2020 | undefined;

/** Throws an error that names the fault of a schema from outside. */
export function requireSchema(schema: object): void {
  // Compiled once: JSON Schema's own schema takes longer to compile than all schemas of this project together.
  rules ??= new Ajv2020(OPTIONS);
  void rules.validateSchema(schema, true);
}

/** Limits of a list of broken rules. */
export interface ListLimits {
  /** Entries, of which the last says how many rules are not listed. */
  entries: number;
  /** Characters of pointers and details, after which one more entry ends the list. */
  chars: number;
}

/** Limits of the answer to one request. */
export const ANSWER_LIMITS: Readonly<ListLimits> = { entries: 100, chars: 32_768 };

/** Limits of one of many: a row of a batch, or a job of a request for many. */
export const ROW_LIMITS: Readonly<ListLimits> = { entries: 16, chars: 2_048 };

/**
 * The violations that `validate` found on its last call, named by the member at fault: an unknown or missing
 * member is named itself, not the object it belongs to. `base` is the pointer of the validated value. Callers choose
 * how many there are and how long names are, so both are cut.
 */
export function violationsOf(
  validate: ValidateFunction,
  base = '#',
  limits: Readonly<ListLimits> = ANSWER_LIMITS,
): FieldProblem[] {
  return listWithin(validate.errors ?? [], (error) => describe(error, base), base, limits);
}

/** Violations within the limits of a list; past them its last entry, of `base`, says how many are left out. */
export function listWithin<T>(
  errors: readonly T[],
  violationOf: (error: T) => FieldProblem,
  base: string,
  { entries, chars }: Readonly<ListLimits> = ANSWER_LIMITS,
): FieldProblem[] {
  const listed: FieldProblem[] = [];
  let charsLeft = chars;
  for (const error of errors) {
    const left = errors.length - listed.length;
    if (charsLeft <= 0 || (listed.length === entries - 1 && left > 1)) {
      listed.push({ pointer: base, detail: `breaks ${left} further rules, which are not listed` });
      break;
    }
    const violation = violationOf(error);
    charsLeft -= charsOf(violation);
    listed.push(violation);
  }
  return listed;
}

/** Size of a violation, as {@link ListLimits.chars} counts it. */
export const charsOf = ({ pointer, detail }: FieldProblem): number => pointer.length + detail.length;

const LONGEST_NAME = 64;
const LONGEST_PATH = 256;
const LONGEST_DETAIL = 512;

/** A text that may have come from outside, cut, with an ellipsis for the rest, and without halves of characters. */
export const cutText = (text: string, longest: number): string =>
  toUSVString(text.length <= longest ? text : `${text.slice(0, longest)}…`);

/** A member of what `pointer` points at; a long name is cut. */
export const memberPointer = (pointer: string, name: string): string =>
  `${pointer}/${encodeURIComponent(cutText(name, LONGEST_NAME).replaceAll('~', '~0').replaceAll('/', '~1'))}`;

function describe({ keyword, instancePath, params, message }: ErrorObject, base: string): FieldProblem {
  const at = base + cutText(instancePath, LONGEST_PATH);
  const given = params as Record<string, unknown>;
  if (keyword === 'required') {
    return { pointer: memberPointer(at, String(given['missingProperty'])), detail: 'is required' };
  }
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const name = given['additionalProperty'] ?? given['unevaluatedProperty'];
    return { pointer: memberPointer(at, String(name)), detail: 'is not a known member' };
  }
  const detail = wordsFor(keyword, given) ?? message ?? `breaks the rule ${keyword}`;
  return { pointer: at, detail: cutText(detail, LONGEST_DETAIL) };
}

/** A rule in other words than ajv has for it; undefined where those will do. */
function wordsFor(keyword: string, params: Record<string, unknown>): string | undefined {
  if (keyword === 'enum' && Array.isArray(params['allowedValues'])) {
    return `must be one of ${params['allowedValues'].map((value) => JSON.stringify(value)).join(', ')}`;
  }
  if (keyword === 'const') return `must be ${JSON.stringify(params['allowedValue'])}`;
  if (keyword === 'format' && params['format'] === 'iso-date-time') {
    return 'must be a date and time such as 2021-02-01T08:15:00 or 2021-02-01T08:15:00-05:00';
  }
  if (keyword === 'pattern' && params['pattern'] === WELL_FORMED) {
    return 'must be well-formed Unicode: it has half of a surrogate pair';
  }
  return undefined;
}
