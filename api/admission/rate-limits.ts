import type { Request } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { RedisStore } from 'rate-limit-redis';
import type { RecordScripts } from '../../shared/jobs/record-scripts.js';
import { defineScript, type RedisReply, type RedisScript } from '../../shared/redis/redis.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { RedisDeadline } from '../redis-deadline.js';

/** So many requests in so many seconds. */
export interface RateLimit {
  count: number;
  seconds: number;
}

/** Reads `RATE_LIMIT`: `off`, or `<count>/<seconds>`. */
export function parseRateLimit(text: string): RateLimit | undefined {
  if (text === 'off') return undefined;
  const [, count = '', seconds = ''] = /^(\d{1,9})\/(\d{1,6})$/.exec(text) ?? [];
  if (Number(count) > 0 && Number(seconds) > 0) return { count: Number(count), seconds: Number(seconds) };
  throw new Error(`must be off or <count>/<seconds>, such as 100/60, not "${text}"`);
}

/** A job takes one request to submit and some to poll: so many more of the second kind may come. */
const POLLS_PER_SUBMIT = 10;

/**
 * What is counted apart: what changes something, what only reads, and requests without a right key. The last are
 * counted by address, all others by caller.
 */
export type Bucket = 'submits' | 'polls' | 'strangers';

/** Counts requests in Redis, so that a limit holds over all API processes. */
export class RateLimits {
  readonly #check: Record<Bucket, (x: Exchange) => Promise<void>>;

  constructor(limit: RateLimit, redis: { records: RecordScripts; withinDeadline: RedisDeadline }) {
    const bucket = (name: Bucket, count: number) => limiter(name, { ...limit, count }, redis);
    this.#check = {
      submits: bucket('submits', limit.count),
      polls: bucket('polls', limit.count * POLLS_PER_SUBMIT),
      strangers: bucket('strangers', limit.count),
    };
  }

  /**
   * Counts a request, and says in the headers of its answer what is left. Rejects with a 429 problem past the limit, and
   * with RedisUnavailableError while it cannot be counted: a limit that could be passed by overloading is none.
   */
  count(x: Exchange, bucket: Bucket): Promise<void> {
    return this.#check[bucket](x);
  }
}

function limiter(
  bucket: Bucket,
  { count, seconds }: RateLimit,
  { records, withinDeadline }: { records: RecordScripts; withinDeadline: RedisDeadline },
) {
  const keys = new WeakMap<Request, string>();
  const middleware = rateLimit({
    windowMs: seconds * 1000,
    limit: count,
    identifier: bucket,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => keys.get(request) ?? '',
    store: new RedisStore({
      prefix: records.key(`limit:${bucket}:`),
      sendCommand: scriptsOnly((script, scriptKeys, args) =>
        withinDeadline('counting the request', () => records.redis.script(script, scriptKeys, args)),
      ),
    }),
    handler: () => {
      throw new ProblemError('rate-limited', `more than ${count} requests in ${seconds} s`);
    },
    // Its checks look for mistakes of set-up, and print to the console.
    validate: false,
  });
  return (x: Exchange): Promise<void> => {
    keys.set(x.request, bucket === 'strangers' ? addressOf(x) : callerOf(x));
    return new Promise((resolve, reject) => {
      const next = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
      Promise.resolve(middleware(x.request, x.response, next)).catch(reject);
    });
  };
}

/** Addresses of one /56 network of IPv6 belong to one client. */
/** Names who sent a request among all that are counted: its key, or its address where callers are not told apart. */
export const callerOf = (x: Exchange): string =>
  x.caller.owner === '' ? addressOf(x) : `key:${x.caller.owner}`;

const addressOf = ({ request }: Exchange): string => `ip:${ipKeyGenerator(request.ip ?? '')}`;

type RunScript = (
  script: RedisScript,
  keys: readonly string[],
  args: readonly string[],
) => Promise<RedisReply>;

/**
 * Redis as the store knows it: SCRIPT LOAD, then EVALSHA. Loading asks nothing of Redis, and scripts that Redis has
 * forgotten are sent again, so that neither a start nor a restart of Redis leaves the store without its scripts.
 */
function scriptsOnly(run: RunScript) {
  const scripts = new Map<string, RedisScript>();
  return async (...words: string[]): Promise<string | (string | number)[]> => {
    const [command, second = '', third = '', ...rest] = words;
    if (command === 'SCRIPT') {
      const script = defineScript('rate limit', third);
      scripts.set(script.sha, script);
      return script.sha;
    }
    const script = scripts.get(second);
    if (command !== 'EVALSHA' || !script) {
      throw new Error(`the rate-limit store sent ${command}, which is unknown here`);
    }
    const reply = await run(script, rest.slice(0, Number(third)), rest.slice(Number(third)));
    return Array.isArray(reply) ? reply.map((part) => (typeof part === 'number' ? part : String(part))) : [];
  };
}
