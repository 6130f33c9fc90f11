import { createHash } from 'node:crypto';
import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import { messageOf, NotReplicatedError, RedisUnavailableError } from '../errors.js';
import { backoffMs } from '../process/backoff.js';
import type { RedisAddress } from './address.js';
import { createAcks, type ReplicaAcks } from './replica-acks.js';
import { RedisClock } from './redis-clock.js';
import { DEAD_AFTER_PINGS, PING_EVERY_MS, watchLink } from './watch-link.js';

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
export interface RedisOptions {
  address: RedisAddress;
  /** Is called with every connection error: while Redis is away, once for each attempt to connect. */
  onError: (message: string) => void;
  /** Gives up waiting for the first connection. */
  signal?: AbortSignal | undefined;
  /** Time between two `INFO replication`, which prove that the link lives and tell the role of Redis, in ms. @default 2000 */
  pingEveryMs?: number;
  /** Scripts and transactions resolve only once replicas have what they wrote. @default Redis alone */
  acks?: ReplicaAcks | undefined;
}

const RECONNECT_BACKOFF = { firstMs: 25, mostMs: 500 };

/** Makes a {@link RedisScript} of Lua text. */
export const defineScript = (name: string, source: string): RedisScript => ({
  name,
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

/** Opens the command connection. Waits for Redis without a limit, or until the signal aborts. */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  const clock = new RedisClock();
  const link = await openLink({ ...options, RESP: 2 }, (client) => clock.measure(client));
  await clock.measure(link.client).catch(() => undefined);
  const failed = (operation: string, cause: unknown): Error => {
    const reason = messageOf(cause);
    if (cause instanceof ErrorReply && ELSEWHERE.test(reason)) link.replace(reason);
    return failureOf(operation, cause);
  };
  const acknowledged = options.acks
    ? createAcks(options.acks, (words) => link.client.sendCommand(words))
    : <Answer>(write: () => Promise<Answer>): Promise<Answer> => write();
  const command = async (args: readonly RedisArgument[]): Promise<RedisReply> => {
    try {
      return await link.client.sendCommand<RedisReply>([...args]);
    } catch (cause) {
      throw failed(String(args[0]), cause);
    }
  };
  return {
    command,
    async commandBytes(args) {
      try {
        return await link.client.sendCommand<RedisBytesReply>([...args], {
          typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
        });
      } catch (cause) {
        throw failed(String(args[0]), cause);
      }
    },
    async script({ name, source, sha }, keys, args) {
      const tail = [String(keys.length), ...keys, ...args];
      const run = (...head: string[]): Promise<RedisReply> =>
        acknowledged(() => link.client.sendCommand<RedisReply>([...head, ...tail]));
      try {
        try {
          return await run('EVALSHA', sha);
        } catch (cause) {
          if (!isScriptMissing(cause)) throw cause;
        }
        return await run('EVAL', source);
      } catch (cause) {
        throw failed(name, cause);
      }
    },
    async transaction(commands) {
      try {
        return await acknowledged(async () => {
          // The client would keep it for its next connection, and write it there before that has logged in.
          if (!link.client.isReady) throw new Error('the client is offline');
          const multi = link.client.multi();
          for (const words of commands) multi.addCommand([...words]);
          return (await multi.exec()) as unknown as RedisReply[];
        });
      } catch (cause) {
        throw failed('a transaction', cause);
      }
    },
    nowMs: () => clock.nowMs(),
    get isUp() {
      return link.client.isReady;
    },
    close: () => link.close(),
  };
}

/** Opens a subscriber connection. Waits for Redis without a limit, or until the signal aborts. */
export async function openRedisSubscriber(options: RedisOptions): Promise<RedisSubscriber> {
  const subscriptions: [channel: string, listener: (message: string) => void][] = [];
  // In RESP2 a connection that has subscribed may not send INFO, which tells the role; in RESP3 it may.
  const link = await openLink({ ...options, RESP: 3 }, (client) =>
    // The client sends no SUBSCRIBE for a channel that it listens to already.
    Promise.all(subscriptions.map(([channel, listener]) => client.subscribe(channel, listener))),
  );
  return {
    async subscribe(channel, listener) {
      subscriptions.push([channel, listener]);
      await link.client.subscribe(channel, listener);
    },
    close: () => link.close(),
  };
}

/** Whether the answer to `INFO replication` is that of a replica, which takes no writes. */
export const isReplica = (replication: unknown): boolean => /^role:slave/m.test(String(replication));

/** Holds a client, and replaces it where the client's own reconnecting would not help. */
interface Link {
  readonly client: Client;
  /** Takes a new connection, which may lead elsewhere; at most one in {@link REPLACE_EVERY_MS}. */
  replace(reason: string): void;
  close(): Promise<void>;
}

type LinkOptions = RedisOptions & { RESP: 2 | 3 };

const REPLACE_EVERY_MS = 500;

/**
 * Connects, and watches the link: one that answers nothing, or leads to a Redis that has become a replica while the
 * connection stood, is replaced. `prepare` is called with each answer of a master, and may fail.
 */
async function openLink(
  options: LinkOptions,
  prepare: (client: Client) => Promise<unknown> = async () => undefined,
): Promise<Link> {
  let client = await connect(options);
  let replacedMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  const replace = (reason: string): void => {
    if (isClosed || performance.now() - replacedMs < REPLACE_EVERY_MS) return;
    replacedMs = performance.now();
    options.onError(`${reason}, taking a new connection`);
    const left = client;
    client = clientFor(options);
    // The client repeats its attempts until one succeeds, or until it is closed.
    client
      .connect()
      .then(ask)
      .catch(() => undefined);
    left.destroy();
  };
  const ask = async (): Promise<void> => {
    const asked = client;
    if (isReplica(await asked.sendCommand(['INFO', 'replication']))) replace('this Redis is a replica');
    else await prepare(asked);
  };
  // The client's own socketTimeout does not find a dead link in time: every write starts it anew, and commands are written
  // to a dead link, too.
  const unwatch = watchLink({
    pingEveryMs: options.pingEveryMs ?? PING_EVERY_MS,
    ping: () => (client.isReady ? ask() : undefined),
    onDead: () => replace('no answer for several pings'),
  });
  return {
    get client() {
      return client;
    },
    replace,
    close() {
      isClosed = true;
      unwatch();
      return closeClient(client);
    },
  };
}

type Client = ReturnType<typeof clientFor>;

/**
 * A client that never connects. Its duplicates share its class: creating a class attaches seven hundred commands, which
 * blocks the process for 30 ms.
 */
const patternOf = (RESP: 2 | 3) => (patterns[RESP] ??= createClient({ RESP }));
const patterns: Partial<Record<2 | 3, ReturnType<typeof createClient>>> = {};

function clientFor({ address, onError, RESP, pingEveryMs = PING_EVERY_MS }: LinkOptions) {
  const { username, password, database } = address;
  const common = {
    connectTimeout: 2_000,
    socketTimeout: DEAD_AFTER_PINGS * pingEveryMs,
    reconnectStrategy: (retries: number) => backoffMs(retries + 1, RECONNECT_BACKOFF),
  };
  const socket =
    address.kind === 'socket'
      ? { ...common, path: address.path, tls: false as const }
      : address.tls
        ? { ...common, host: address.host, port: address.port, tls: true as const }
        : { ...common, host: address.host, port: address.port };
  const client = patternOf(RESP).duplicate({
    // In RESP3 the client asks for them by default; only Redis Enterprise has them.
    maintNotifications: 'disabled',
    socket,
    database,
    disableOfflineQueue: true,
    // The client's own timeout, 5 s unless told otherwise, costs three times the command itself (an AbortSignal each,
    // which lives on until it fires). Callers that cannot wait have a deadline of their own; pings find a dead link.
    commandOptions: { timeout: 0 },
    pingInterval: pingEveryMs,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  client.on('error', (error: unknown) => onError(messageOf(error)));
  return client;
}

async function connect(options: LinkOptions): Promise<Client> {
  const { signal } = options;
  const client = clientFor(options);
  const giveUp = (): void => client.destroy();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
  } catch (cause) {
    throw new RedisUnavailableError(`the first connection (${messageOf(cause)})`, { cause });
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  return client;
}

/** Lets commands under way finish while the connection stands; drops them when Redis is away. */
async function closeClient(client: Client): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), new Promise((r) => setTimeout(r, 500).unref())]);
  // close() waits for answers, which may never come; destroy() ends the client in any case.
  client.destroy();
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

const isScriptMissing = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');
