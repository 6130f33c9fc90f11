import { createHash } from 'node:crypto';
import { messageOf, NotReplicatedError, RedisUnavailableError } from '../errors.js';
import { type Client, ErrorReply, RESP_TYPES } from './client.js';
import { type LinkOptions, openLink } from './link.js';
import { createAcks, type ReplicaAcks } from './replica-acks.js';
import { RedisClock } from './redis-clock.js';

export { isReplica } from './link.js';

/** A reply of Redis in RESP2: text, number, null, or a list of replies. */
export type RedisReply = string | number | null | RedisReply[];

/** A {@link RedisReply} whose texts are bytes. */
export type RedisBytesReply = Buffer | number | null | RedisBytesReply[];

/** A word of a command: text, or bytes that are sent as they are. */
export type RedisArgument = string | Buffer;

/** A Lua script, and its name in error messages. */
export interface RedisScript {
  name: string;
  source: string;
  /** SHA-1 of the source, as EVALSHA wants it. */
  sha: string;
}

/** One connection for commands. Every call rejects with {@link RedisUnavailableError} at once while Redis is away. */
export interface Redis {
  /** A node of a cluster: messages between clients take the channels of its slots (`SPUBLISH`). */
  readonly isCluster: boolean;
  /** Runs one command. */
  command(args: readonly RedisArgument[]): Promise<RedisReply>;
  /** Runs one command whose answer is bytes. */
  commandBytes(args: readonly RedisArgument[]): Promise<RedisBytesReply>;
  /** Runs a script on keys and arguments; sends its source where Redis does not know its SHA-1 (any more). */
  script(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>;
  /**
   * Runs all of these commands or none, and nothing in between; resolves to their replies. Where it rejects they may have been
   * run.
   */
  transaction(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]>;
  /** Unix time of Redis's clock in ms, with decimals, from this process' clock and the last measured difference. */
  nowMs(): number;
  /** Whether the connection stands. */
  readonly isUp: boolean;
  close(): Promise<void>;
}

/** One connection that listens to channels; it subscribes again by itself after Redis was away. */
export interface RedisSubscriber {
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** Options of a connection. */
export interface RedisOptions extends LinkOptions {
  /** Scripts and transactions resolve only once replicas have what they wrote. @default Redis alone */
  acks?: ReplicaAcks | undefined;
}

/** Makes a {@link RedisScript} of Lua text. */
export const defineScript = (name: string, source: string): RedisScript => ({
  name,
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** Opens the command connection. Waits for Redis without a limit, or until the signal aborts. */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  const clock = new RedisClock();
  const link = await openLink({ ...options, RESP: 2 }, (client) => clock.measure(client));
  const named = async <Answer>(operation: string, call: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await call();
    } catch (cause) {
      const reason = messageOf(cause);
      if (cause instanceof ErrorReply && ELSEWHERE.test(reason)) link.replace(reason);
      throw failureOf(operation, cause);
    }
  };
  const acknowledged = options.acks
    ? createAcks(options.acks, (words) => link.client.sendCommand(words))
    : <Answer>(write: () => Promise<Answer>): Promise<Answer> => write();
  return {
    isCluster: options.address.kind === 'cluster',
    command: (args) => named(String(args[0]), () => link.client.sendCommand<RedisReply>([...args])),
    commandBytes: (args) =>
      named(String(args[0]), () => link.client.sendCommand<RedisBytesReply>([...args], AS_BYTES)),
    script({ name, source, sha }, keys, args) {
      const tail = [String(keys.length), ...keys, ...args];
      const run = (...head: string[]): Promise<RedisReply> =>
        acknowledged(() => link.client.sendCommand<RedisReply>([...head, ...tail]));
      return named(name, async () => {
        try {
          return await run('EVALSHA', sha);
        } catch (cause) {
          if (!messageOf(cause).startsWith('NOSCRIPT')) throw cause;
        }
        return run('EVAL', source);
      });
    },
    transaction: (commands) =>
      named('a transaction', () =>
        acknowledged(async () => {
          // The client would keep it for its next connection, and write it there before that has logged in.
          if (!link.client.isReady) throw new Error('the client is offline');
          const multi = link.client.multi();
          for (const words of commands) multi.addCommand([...words]);
          return (await multi.exec()) as unknown as RedisReply[];
        }),
      ),
    nowMs: () => clock.nowMs(),
    get isUp() {
      return link.client.isReady;
    },
    close: () => link.close(),
  };
}

/** Opens a subscriber connection. Waits for Redis without a limit, or until the signal aborts. */
export async function openRedisSubscriber(options: RedisOptions): Promise<RedisSubscriber> {
  type Subscription = [channel: string, listener: (message: string) => void];
  const subscriptions: Subscription[] = [];
  const listen = (client: Client, subscription: Subscription): Promise<void> =>
    options.address.kind === 'cluster'
      ? client.sSubscribe(...subscription)
      : client.subscribe(...subscription);
  // In RESP2 a connection that has subscribed may not send INFO, which tells the role; in RESP3 it may.
  const link = await openLink({ ...options, RESP: 3 }, (client) =>
    // The client sends no SUBSCRIBE for a channel that it listens to already.
    Promise.all(subscriptions.map((subscription) => listen(client, subscription))),
  );
  return {
    async subscribe(...subscription) {
      subscriptions.push(subscription);
      // Otherwise it is part of the next connection.
      if (link.client.isReady) await listen(link.client, subscription);
    },
    close: () => link.close(),
  };
}

/**
 * First words of refusals that a mistake of this project causes. Every other first word means that this Redis cannot serve
 * now, not this user, or not at this address: LOADING, BUSY, OOM, MISCONF, NOREPLICAS, CLUSTERDOWN, TRYAGAIN,
 * EXECABORT, NOAUTH, WRONGPASS, NOPERM, READONLY, MOVED and more to come.
 */
const OUR_MISTAKE = /^(ERR|WRONGTYPE|CROSSSLOT|NOSCRIPT)\b/;
/** Refusals of the second kind that begin with ERR: of scripts before Redis 7, and those without a first word of their own. */
const CANNOT_SERVE =
  /: -(?!ERR|WRONGTYPE)[A-Z]+ |^ERR (max number of clients|AUTH|.*(unauthenticated|user executing the script|non local key))/;
/** Refusals after which a new connection may help: the host name may lead to another Redis by now, or the user be known again. */
const ELSEWHERE = /(^|: -)(READONLY|MASTERDOWN|MOVED|ASK|NOAUTH)\b|non local key|unauthenticated/;

function failureOf(operation: string, cause: unknown): Error {
  if (cause instanceof NotReplicatedError) return cause;
  const reason = messageOf(cause);
  if (cause instanceof ErrorReply && OUR_MISTAKE.test(reason) && !CANNOT_SERVE.test(reason)) {
    return new Error(`Redis refused ${operation}: ${reason}`, { cause });
  }
  return new RedisUnavailableError(`${operation} (${reason})`, { cause });
}
