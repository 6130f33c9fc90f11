import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { type ApiKey, identify } from './api-keys.js';
import { ANYONE, type Caller } from '../http/caller.js';
import type { RateLimits, RowCount } from './rate-limits.js';

const CHALLENGE = 'Bearer realm="waggle"';

/** Lets callers in: by key where there are keys, and within the rate limit where there is one. */
export class Admission {
  #keys: readonly ApiKey[] | undefined;
  readonly #limits: RateLimits | undefined;

  /** `keys` undefined: callers are not told apart. `limits` undefined: there is no rate limit. */
  constructor(keys: readonly ApiKey[] | undefined, limits: RateLimits | undefined) {
    this.#keys = keys;
    this.#limits = limits;
  }

  /** Takes other keys from the next request on. */
  replaceKeys(keys: readonly ApiKey[]): void {
    this.#keys = keys;
  }

  /** Sets the caller of a request, or throws a 401 or 429 problem. Nothing of the body is read before. */
  async admit(exchange: Exchange): Promise<void> {
    exchange.caller = this.#keys ? await this.#callerOf(exchange, this.#keys) : ANYONE;
    const { method } = exchange.request;
    await this.#limits?.count(exchange, method === 'GET' || method === 'HEAD' ? 'polls' : 'submits');
  }

  /** Counts further predictions of a request that has been let in. Rejects with a 429 problem when there are too many. */
  async countRows(exchange: Exchange, rows: RowCount): Promise<void> {
    await this.#limits?.countRows(exchange, rows);
  }

  async #callerOf(exchange: Exchange, keys: readonly ApiKey[]): Promise<Caller> {
    const identified = identify(keys, exchange.header('authorization'));
    if (identified.kind === 'caller') return identified.caller;
    await this.#limits?.count(exchange, 'strangers');
    throw identified.kind === 'missing'
      ? new ProblemError('unauthorized', 'send the header Authorization: Bearer <secret>', {
          headers: { 'WWW-Authenticate': CHALLENGE },
        })
      : new ProblemError('unauthorized', 'this is no key of this service', {
          headers: { 'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"` },
        });
  }
}
