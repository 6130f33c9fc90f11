import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { RouteMethod } from '../openapi/operation.js';

const LONGEST_ECHO = 200;

/** Answers for a path that exists, but not with this method. OPTIONS lists its methods. */
export function otherMethod(methods: readonly RouteMethod[]): (exchange: Exchange) => void {
  const allowed = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const allow = [...allowed, 'OPTIONS'].join(', ');
  return (exchange) => {
    if (exchange.request.method === 'OPTIONS') return exchange.send(204, undefined, { Allow: allow });
    throw new ProblemError('method-not-allowed', `${exchange.request.method} is none of ${allow}`, {
      headers: { Allow: allow },
    });
  };
}

/** Answers for a path that does not exist. */
export function noSuchPath(exchange: Exchange): never {
  const path = exchange.request.path.slice(0, LONGEST_ECHO);
  throw new ProblemError('not-found', `there is nothing at ${path}: see /docs`);
}
