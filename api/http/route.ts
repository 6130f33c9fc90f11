import type { Operation } from '../openapi/operation.js';
import type { Exchange } from './exchange.js';

export type RouteMethod = 'get' | 'post' | 'delete';

/** One operation: how it is reached, what the OpenAPI document says of it, and what it does. */
export interface Route {
  method: RouteMethod;
  /** As OpenAPI writes paths: `/jobs/{id}`. */
  path: string;
  /** Undefined for what is no part of the interface. */
  operation?: Operation;
  /** Answered to everybody: it holds no data of anybody. */
  isPublic?: true;
  /** Answers with a page for browsers, not with data. */
  isPage?: true;
  handle: (x: Exchange) => void | Promise<void>;
}
