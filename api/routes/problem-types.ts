import { ProblemError } from '../http/problem.js';
import { PROBLEM_TYPES, type ProblemCode, problemUri } from '../http/problem-types.js';
import type { Route } from './route.js';
import { json, problems } from '../openapi/operation.js';

/** `GET /problems/{code}`: where the `type` of a problem leads. */
export const problemTypeRoute: Route = {
  method: 'get',
  path: '/problems/{code}',
  isPublic: true,
  operation: {
    id: 'getProblemType',
    tag: 'service',
    summary: 'What a problem type means',
    description: 'Where the `type` of every problem leads.',
    parameters: ['ProblemCode'],
    answers: {
      200: json('ProblemType', 'The type.'),
      ...problems('not-found'),
    },
  },
  handle(exchange) {
    const code = exchange.param('code');
    if (!isProblemCode(code)) throw new ProblemError('not-found', 'there is no problem type of this name');
    const { status, title, advice } = PROBLEM_TYPES[code];
    exchange.sendJson(200, { type: problemUri(code), status, title, advice });
  },
};

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEM_TYPES, code);
