import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { type FuzzDocument, resolveSchema, type Schema } from './document.js';

/** Values that a schema of the document allows. Understands the keywords that the document uses. */
export function valuesOf(document: FuzzDocument, given: Schema): Arbitrary<unknown> {
  const schema = resolveSchema(document, given);
  const made = fromKeywords(document, schema);
  return schema.examples ? fc.oneof(fc.constantFrom(...schema.examples), made) : made;
}

function fromKeywords(document: FuzzDocument, schema: Schema): Arbitrary<unknown> {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((choice) => valuesOf(document, choice)));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'object':
      return objects(document, schema);
    case 'array':
      return arrays(document, schema);
    case 'integer':
      return numbers(schema, fc.maxSafeInteger());
    case 'number':
      return numbers(schema, fc.double({ noNaN: true, noDefaultInfinity: true }));
    case 'boolean':
      return fc.boolean();
    case 'string':
      return strings(schema);
    default:
      return fc.jsonValue();
  }
}

function arrays(document: FuzzDocument, { items, contains, minItems = 0 }: Schema): Arbitrary<unknown> {
  const entries = items ? valuesOf(document, items) : fc.jsonValue();
  if (!contains) return fc.array(entries, { minLength: minItems, maxLength: minItems + 3 });
  const wanted = valuesOf(document, contains);
  return fc
    .tuple(wanted, fc.array(fc.oneof(wanted, entries), { maxLength: 3 }))
    .map(([first, others]) => others.concat([first]));
}

function objects(document: FuzzDocument, { properties = {}, required = [] }: Schema): Arbitrary<unknown> {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valuesOf(document, schema)]),
  );
  return fc.record(members, { requiredKeys: required });
}

function numbers({ type, minimum, maximum }: Schema, unbounded: Arbitrary<number>): Arbitrary<number> {
  if (minimum === undefined && maximum === undefined) return unbounded;
  const min = minimum ?? Number.MIN_SAFE_INTEGER;
  const max = maximum ?? Number.MAX_SAFE_INTEGER;
  const within = type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
  return fc.oneof(within, fc.constantFrom(min, max));
}

function strings({ format, pattern, minLength = 0, maxLength = 40 }: Schema): Arbitrary<string> {
  if (format !== undefined) return times;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.oneof(
    fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) }),
    fc.string({ minLength, maxLength, unit: 'binary' }),
    fc.string({ minLength: maxLength, maxLength, unit: 'grapheme-ascii' }),
  );
}

/** RFC 3339 and, for half of them, without an offset: the only formats that the document asks for. */
const times: Arbitrary<string> = fc
  .tuple(
    fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    }),
    fc.constantFrom('Z', '', '+05:30', '-12:00', '+23:59', 'z'),
    fc.boolean(),
  )
  .map(([date, offset, fraction]) => `${date.toISOString().slice(0, fraction ? 23 : 19)}${offset}`);
