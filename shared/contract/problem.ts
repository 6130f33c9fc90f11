import { type Static, Type } from '../validation/schema.js';
import { closed, text } from './parts.js';

const BrokenRule = closed(
  {
    pointer: Type.Optional(
      text('Member of the body: a JSON Pointer as a URI fragment (RFC 6901, section 6).'),
    ),
    parameter: Type.Optional(text('Parameter of the query.')),
    detail: text('The rule.'),
  },
  'One broken rule, in the body or in the query.',
);
export type BrokenRule = Static<typeof BrokenRule>;

/** One broken rule of a body, or of a row. */
export interface FieldProblem {
  /** A JSON pointer as a URI fragment (RFC 6901, section 6), such as `#/input/distance`. */
  pointer: string;
  detail: string;
}

/** The body of every error, RFC 9457. */
export const ProblemBody = closed(
  {
    type: Type.String({
      format: 'uri-reference',
      description: 'Identifies the kind of problem; leads to its page.',
    }),
    title: text('The same for every problem of this type.'),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'HTTP status of the answer.' }),
    detail: Type.Optional(text('What happened this time, for people.')),
    errors: Type.Optional(
      Type.Array(BrokenRule, {
        description: 'Every broken rule; past 100, or 32,768 characters, the last entry says how many more.',
      }),
    ),
  },
  'Why the request was not done (RFC 9457).',
);
export type ProblemBody = Static<typeof ProblemBody>;

/** A kind of problem, as its page describes it. */
export const ProblemTypeBody = closed(
  {
    type: Type.String({ format: 'uri-reference', description: 'Its address, as problems carry it.' }),
    status: Type.Integer({ description: 'HTTP status of its answers.' }),
    title: text('What it is, for people.'),
    advice: text('What a client can do about it.'),
  },
  'A kind of problem.',
);
