/*
 * JSON Schemas beside the types of their values, in the manner of TypeBox: `Static<typeof Job>` is the type of a job.
 * TypeBox itself loads four hundred modules, which made a third of the start of every process, for the dozen functions here.
 */

declare const allowed: unique symbol;
const optional = Symbol('optional');

/** A JSON Schema. */
export interface TSchema {
  readonly [allowed]?: () => unknown;
  [keyword: string]: unknown;
}

/** A JSON Schema of values of one type. */
export interface SchemaOf<T> extends TSchema {
  readonly [allowed]?: () => T;
}

/** The type of the values that a schema allows. */
export type Static<S extends TSchema> = S extends SchemaOf<infer T> ? T : never;

/** A JSON Schema of objects of these members. */
interface ObjectSchema<P extends Properties> extends SchemaOf<ObjectOf<P>> {
  readonly properties: P;
}

interface Optional {
  readonly [optional]: true;
}

type Keywords = Readonly<Record<string, unknown>>;
type Properties = Readonly<Record<string, TSchema>>;
type OptionalKeys<P> = { [K in keyof P]: P[K] extends Optional ? K : never }[keyof P];
type Flat<T> = { [K in keyof T]: T[K] };
type ObjectOf<P extends Properties> = Flat<
  { -readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & {
    -readonly [K in OptionalKeys<P>]?: Static<P[K]> | undefined;
  }
>;

/** The pattern of text without half of a surrogate pair, which UTF-8 cannot say; with and without the flag `u`. */
export const WELL_FORMED = '^(?:[^\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$';

/** Makes schemas. The last argument of each takes further keywords, such as `description`. */
export const Type = {
  String: (keywords: Keywords = {}): SchemaOf<string> => ({ type: 'string', ...keywords }),
  Number: (keywords: Keywords = {}): SchemaOf<number> => ({ type: 'number', ...keywords }),
  Integer: (keywords: Keywords = {}): SchemaOf<number> => ({ type: 'integer', ...keywords }),
  Boolean: (keywords: Keywords = {}): SchemaOf<boolean> => ({ type: 'boolean', ...keywords }),
  Null: (keywords: Keywords = {}): SchemaOf<null> => ({ type: 'null', ...keywords }),
  Unknown: (keywords: Keywords = {}): SchemaOf<unknown> => ({ ...keywords }),

  Literal: <const T extends string | number | boolean>(value: T, keywords: Keywords = {}): SchemaOf<T> => ({
    type: typeof value,
    const: value,
    ...keywords,
  }),

  Union: <const S extends readonly TSchema[]>(
    schemas: S,
    keywords: Keywords = {},
  ): SchemaOf<Static<S[number]>> => ({ anyOf: schemas, ...keywords }),

  Array: <S extends TSchema>(items: S, keywords: Keywords = {}): SchemaOf<Static<S>[]> => ({
    type: 'array',
    items,
    ...keywords,
  }),

  /** An object of any members with values of one kind. */
  Record: <S extends TSchema>(
    _names: SchemaOf<string>,
    values: S,
    keywords: Keywords = {},
  ): SchemaOf<Record<string, Static<S>>> => ({
    type: 'object',
    patternProperties: { '^.*$': values },
    ...keywords,
  }),

  /** An object of these members, all of which are required that are not optional. */
  Object<const P extends Properties>(properties: P, keywords: Keywords = {}): ObjectSchema<P> {
    const required = Object.keys(properties).filter((name) => !(optional in (properties[name] ?? {})));
    return {
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      properties,
      ...keywords,
    };
  },

  /** An object of any members. */
  AnyObject: (keywords: Keywords = {}): SchemaOf<Record<string, unknown>> => ({
    type: 'object',
    properties: {},
    additionalProperties: true,
    ...keywords,
  }),

  /** A member that may be missing. The mark is a symbol: it stands in no JSON. */
  Optional: <S extends TSchema>(schema: S): S & Optional => ({ ...schema, [optional]: true }),

  /** A schema that is written by hand, for values of a type that is named. */
  Unsafe: <T>(schema: Keywords): SchemaOf<T> => ({ ...schema }),
};
