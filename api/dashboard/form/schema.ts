import { isRecord } from '../../../shared/text/is-record.js';

/** One member of an input, as the form needs it. */
export interface Member {
  name: string;
  title: string;
  description: string | undefined;
  isRequired: boolean;
  /** Kind of field. A member of no other kind is written as JSON. */
  kind: 'integer' | 'number' | 'boolean' | 'choice' | 'moment' | 'text' | 'json';
  /** Of a choice. */
  choices: readonly unknown[];
  minimum: number | undefined;
  maximum: number | undefined;
  /** Of a moment: it may stand without an offset from UTC. */
  isLocal: boolean;
}

/** The members of an input, from its JSON Schema. */
export function membersOf(schema: Record<string, unknown>): Member[] {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).map(([name, rule]) =>
    memberOf(name, isRecord(rule) ? rule : {}, required.includes(name)),
  );
}

function memberOf(name: string, rule: Record<string, unknown>, isRequired: boolean): Member {
  const { title, description, minimum, maximum, format } = rule;
  return {
    name,
    title: typeof title === 'string' ? title : name,
    description: typeof description === 'string' ? description : undefined,
    isRequired,
    kind: kindOf(rule),
    choices: Array.isArray(rule['enum']) ? rule['enum'] : [],
    minimum: typeof minimum === 'number' ? minimum : undefined,
    maximum: typeof maximum === 'number' ? maximum : undefined,
    isLocal: format === 'iso-date-time',
  };
}

function kindOf({ type, format, enum: choices }: Record<string, unknown>): Member['kind'] {
  if (Array.isArray(choices)) return 'choice';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  if (type !== 'string') return 'json';
  return format === 'date-time' || format === 'iso-date-time' ? 'moment' : 'text';
}
