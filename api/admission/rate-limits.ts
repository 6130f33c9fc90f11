import type { Request } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { RedisStore } from 'rate-limit-redis';
import { listOf } from '../../shared/records/records.js';
import { defineScript, type RedisReply, type RedisScript } from '../../shared/redis/redis.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { Partitions } from '../partitions.js';
import type { RedisDeadline } from '../redis-deadline.js';

/** At most `count` predictions of one caller in `seconds`. */
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

/** Polls that are allowed for each submission, because a job takes one request to submit and some to poll. */
const POLLS_PER_SUBMIT = 10;

/**
 * Requests that are counted apart: those that change a record, those that only read, and those without a right key.
 * Strangers are counted by address, all others by caller.
 */
export type Bucket = 'submits' | 'polls' | 'strangers';

/**
 * Takes as many from a bucket as it has, or nothing. The store takes one at a time, and this from the same key.
 *
 * KEYS 1 the bucket's
 * ARGV 1 how many, 2 most in a window, 3 length of a window in ms
 * Returns {1 when they were taken, how many are left, ms until the window ends}
 */
const TAKE = defineScript(
  'rate limit of rows',
  `local most, left_ms = tonumber(ARGV[2]), redis.call('PTTL', KEYS[1])
local used = 0
if left_ms > 0 then used = tonumber(redis.call('GET', KEYS[1])) else left_ms = tonumber(ARGV[3]) end
local left = math.max(0, most - used)
if left < tonumber(ARGV[1]) then return { 0, left, left_ms } end
redis.call('SET', KEYS[1], used + ARGV[1], 'PX', left_ms)
return { 1, left - ARGV[1], left_ms }`,
);

/** Predictions of one request: `more` are to be counted now, `total` have come so far. */
export interface RowCount {
  more: number;
  total: number;
}

interface Counting {
  partitions: Partitions;
  withinDeadline: RedisDeadline;
}

/** Counts requests in Redis, so that a limit holds over all API processes. */
export class RateLimits {
  readonly #check: Record<Bucket, (exchange: Exchange) => Promise<void>>;
  readonly #limit: RateLimit;
  readonly #redis: Counting;

  constructor(limit: RateLimit, redis: Counting) {
    this.#limit = limit;
    this.#redis = redis;
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
  count(exchange: Exchange, bucket: Bucket): Promise<void> {
    return this.#check[bucket](exchange);
  }

  /**
   * Counts further predictions of a request that has been counted as one; `total`: all of the request so far. Rejects as
   * {@link count} does, and with another problem where the request alone passes the limit: it would the next time, too.
   */
  async countRows(exchange: Exchange, { more, total }: RowCount): Promise<void> {
    if (more === 0) return;
    const { count, seconds } = this.#limit;
    const { partitions, withinDeadline } = this.#redis;
    const name = `${prefixOf('submits')}${callerOf(exchange)}`;
    const { records } = partitions.counting(name);
    const key = records.key(name);
    const words = [more, count, seconds * 1000].map(String);
    const reply = await withinDeadline('counting rows', () => records.redis.script(TAKE, [key], words));
    const [taken = 0, left = 0, leftMs = 0] = listOf(reply).map(Number);
    const leftSeconds = Math.max(1, Math.ceil(leftMs / 1000));
    if (!exchange.response.headersSent) {
      exchange.response.setHeader('RateLimit', `"submits"; r=${left}; t=${leftSeconds}`);
    }
    if (taken === 1) return;
    throw new ProblemError(
      total > count ? 'batch-over-rate-limit' : 'rate-limited',
      `each job and each row counts, and ${count} in ${seconds} s may come: ${left} are left now, and ${count} in ${leftSeconds} s`,
      { retryAfterSeconds: leftSeconds },
    );
  }
}

function limiter(bucket: Bucket, { count, seconds }: RateLimit, { partitions, withinDeadline }: Counting) {
  const keys = new WeakMap<Request, string>();
  const middleware = rateLimit({
    windowMs: seconds * 1000,
    limit: count,
    identifier: bucket,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => keys.get(request) ?? '',
    store: new RedisStore({
      prefix: prefixOf(bucket),
      sendCommand: scriptsOnly((script, names, args) => {
        const { records } = partitions.counting(names[0] ?? '');
        const scriptKeys = names.map((name) => records.key(name));
        return withinDeadline('counting the request', () => records.redis.script(script, scriptKeys, args));
      }),
    }),
    handler: () => {
      throw new ProblemError('rate-limited', `more than ${count} requests in ${seconds} s`);
    },
    // The library's checks look for mistakes of set-up, and print to the console.
    validate: false,
  });
  return (exchange: Exchange): Promise<void> => {
    keys.set(exchange.request, bucket === 'strangers' ? addressOf(exchange) : callerOf(exchange));
    return new Promise((resolve, reject) => {
      const next = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
      Promise.resolve(middleware(exchange.request, exchange.response, next)).catch(reject);
    });
  };
}

const prefixOf = (bucket: Bucket): string => `limit:${bucket}:`;

/** An address with a port, as X-Forwarded-For may have it: the port changes with every connection. */
const WITH_PORT = /^(?:\[(.+)\](?::\d+)?|([^:]+):\d+)$/;

/** Names the sender of a request for counting: its key, or its address where callers are not told apart. */
export const callerOf = (exchange: Exchange): string =>
  exchange.caller.owner === '' ? addressOf(exchange) : `key:${exchange.caller.owner}`;

/** Addresses of one /56 network of IPv6 belong to one client. */
function addressOf({ request: { ip = '' } }: Exchange): string {
  const [, v6, v4] = WITH_PORT.exec(ip) ?? [];
  return `ip:${ipKeyGenerator(v6 ?? v4 ?? ip)}`;
}

type RunScript = (
  script: RedisScript,
  keys: readonly string[],
  args: readonly string[],
) => Promise<RedisReply>;

/**
 * Redis as the store of the library calls it: SCRIPT LOAD, then EVALSHA. Loading does not ask Redis, and a script that
 * Redis has forgotten is sent again: the store works although Redis was away at the start, or was restarted.
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
