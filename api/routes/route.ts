import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import type { DescribedRoute } from '../openapi/operation.js';

/** The function that answers the requests of a route. */
export type Handle = (exchange: Exchange, ctx: ApiContext) => void | Promise<void>;

/** A route with the function that answers its requests. */
export interface Route extends DescribedRoute {
  /** Answers with a page for browsers, not with data. */
  isPage?: true;
  handle: Handle;
}
