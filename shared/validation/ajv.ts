import { type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { WELL_FORMED } from './schema.js';

/** One broken rule: where (a JSON pointer in URI fragment form, RFC 6901 section 6) and what. */
export interface RuleViolation {
  pointer: string;
  detail: string;
}

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

/** Throws what is wrong with a schema that came from elsewhere. */
export function requireSchema(schema: object): void {
  // Kept: to compile JSON Schema's own schema takes longer than all of ours together.
  rules ??= new Ajv2020(OPTIONS);
  void rules.validateSchema(schema, true);
}

/**
 * The violations that `validate` found on its last call, named by the member at fault: an unknown or missing
 * member is named itself, not the object it belongs to. `base` is the pointer of the validated value.
 */
export function violationsOf(validate: ValidateFunction, base = '#'): RuleViolation[] {
  return (validate.errors ?? []).map((error) => describe(error, base));
}

function describe(error: ErrorObject, base: string): RuleViolation {
  const at = base + error.instancePath;
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') {
    return { pointer: child(at, params['missingProperty']), detail: 'is required' };
  }
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    const name = params['additionalProperty'] ?? params['unevaluatedProperty'];
    return { pointer: child(at, name), detail: 'is not a known member' };
  }
  if (error.keyword === 'enum' && Array.isArray(params['allowedValues'])) {
    return {
      pointer: at,
      detail: `must be one of ${params['allowedValues'].map((v) => JSON.stringify(v)).join(', ')}`,
    };
  }
  if (error.keyword === 'const') {
    return { pointer: at, detail: `must be ${JSON.stringify(params['allowedValue'])}` };
  }
  if (error.keyword === 'format' && params['format'] === 'iso-date-time') {
    return {
      pointer: at,
      detail: 'must be a date and time such as 2021-02-01T08:15:00 or 2021-02-01T08:15:00-05:00',
    };
  }
  if (error.keyword === 'pattern' && params['pattern'] === WELL_FORMED) {
    return { pointer: at, detail: 'must be well-formed Unicode: it has half of a surrogate pair' };
  }
  return { pointer: at, detail: error.message ?? `breaks the rule ${error.keyword}` };
}

const child = (pointer: string, name: unknown): string =>
  `${pointer}/${encodeURIComponent(String(name).replaceAll('~', '~0').replaceAll('/', '~1'))}`;
