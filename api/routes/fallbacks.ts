import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { RouteMethod } from '../http/route.js';

const LONGEST_ECHO = 200;

/** Answers for a path that exists, but not with this method. OPTIONS is told which methods it has. */
export function otherMethod(methods: readonly RouteMethod[]): (x: Exchange) => void {
  const allowed = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const allow = [...allowed, 'OPTIONS'].join(', ');
  return (x) => {
    if (x.request.method === 'OPTIONS') return x.send(204, undefined, { Allow: allow });
    throw new ProblemError('method-not-allowed', `${x.request.method} is none of ${allow}`, {
      headers: { Allow: allow },
    });
  };
}

/** Answers for a path that does not exist. */
export function noSuchPath(x: Exchange): never {
  const path = x.request.path.slice(0, LONGEST_ECHO);
  throw new ProblemError('not-found', `there is nothing at ${path}: see /docs`);
}
