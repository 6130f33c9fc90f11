import { isRecord } from '../../../shared/text/is-record.js';
import { formatCount } from '../format.js';
import { sizeOf } from './picture.js';

/** One member of an input, as the form needs it. */
export interface Member {
  name: string;
  title: string;
  description: string | undefined;
  isRequired: boolean;
  /** Kind of field. A member of no other kind is written as JSON. */
  kind: 'integer' | 'number' | 'boolean' | 'choice' | 'moment' | 'text' | 'json' | 'bytes' | 'image';
  /** Of a choice. */
  choices: readonly unknown[];
  minimum: number | undefined;
  maximum: number | undefined;
  /** Of a moment: it may stand without an offset from UTC. */
  isLocal: boolean;
  /** Of bytes, and of an array that has to have as many numbers. */
  shape: readonly number[] | undefined;
}

/** The members of an input, from its JSON Schema and the shapes of those that have one. */
export function membersOf(
  schema: Record<string, unknown>,
  shapes: Readonly<Record<string, readonly number[]>> = {},
): Member[] {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).map(([name, rule]) =>
    memberOf(name, isRecord(rule) ? rule : {}, { isRequired: required.includes(name), shape: shapes[name] }),
  );
}

function memberOf(
  name: string,
  rule: Record<string, unknown>,
  { isRequired, shape }: Pick<Member, 'isRequired' | 'shape'>,
): Member {
  const { title, description, minimum, maximum, format } = rule;
  return {
    name,
    title: typeof title === 'string' ? title : name,
    description: typeof description === 'string' ? description : undefined,
    isRequired,
    kind: shape && rule['type'] === 'string' ? 'bytes' : kindOf(rule),
    choices: Array.isArray(rule['enum']) ? rule['enum'] : [],
    minimum: typeof minimum === 'number' ? minimum : undefined,
    maximum: typeof maximum === 'number' ? maximum : undefined,
    isLocal: format === 'iso-date-time',
    shape,
  };
}

function kindOf({
  type,
  format,
  enum: choices,
  contentMediaType: media,
}: Record<string, unknown>): Member['kind'] {
  if (typeof media === 'string' && media.startsWith('image/')) return 'image';
  if (Array.isArray(choices)) return 'choice';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  if (type !== 'string') return 'json';
  return format === 'date-time' || format === 'iso-date-time' ? 'moment' : 'text';
}

/** A value that is written as JSON. Throws when it is none, or an array with more or fewer numbers than the shape has. */
export function parseJson(text: string, shape: readonly number[] | undefined): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('is not written as JSON', { cause });
  }
  if (!shape || !Array.isArray(value)) return value;
  const [size, found] = [sizeOf(shape), value.flat(shape.length).length];
  if (size === found) return value;
  throw new Error(`must have ${formatCount(size)} numbers, and has ${formatCount(found)}`);
}
