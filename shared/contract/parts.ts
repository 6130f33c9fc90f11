import { type TSchema, Type } from '../validation/schema.js';

/** An object of these members and no others. */
export const closed = <const P extends Readonly<Record<string, TSchema>>>(
  properties: P,
  description?: string,
) => Type.Object(properties, { additionalProperties: false, ...(description ? { description } : {}) });

export const text = (description: string) => Type.String({ description });
export const count = (description: string) => Type.Integer({ minimum: 0, description });
export const amount = (description: string) => Type.Number({ minimum: 0, description });
export const moment = (description: string) => Type.String({ format: 'date-time', description });

/** One of these words. */
export const word = <const W extends string>(words: readonly W[], description: string) =>
  Type.Unsafe<W>({ type: 'string', enum: [...words], description });

/** The name under which the OpenAPI document keeps a schema. */
export const ref = (component: string) => ({ $ref: `#/components/schemas/${component}` });

/** Entries of a list, whose schema the OpenAPI document keeps under a name. */
export const listOf = <T>(component: string, description: string) =>
  Type.Array(Type.Unsafe<T>(ref(component)), { description });

/** The `cursor` of the page that follows. */
export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description:
    'For the page that follows; null on the last one. A page may be short, or empty, and not be the last.',
});

/** Where the records are in several partitions: those that did not answer. */
export const missingPartitions = Type.Optional(
  Type.Array(count('Number of a partition, from 0.'), {
    description: 'Partitions of the records that do not answer now, and whose records are left out.',
  }),
);
