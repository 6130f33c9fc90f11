import { createHash } from 'node:crypto';
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';
import { messageOf, RedisUnavailableError } from '../errors.js';
import type { RedisAddress } from './address.js';
import { DEAD_AFTER_PINGS, PING_EVERY_MS, watchLink } from './watch-link.js';

/** What Redis answers in RESP2: texts, numbers, nothing, and lists of these. */
export type RedisReply = string | number | null | RedisReply[];

/** The same where texts are wanted as bytes. */
export type RedisBytesReply = Buffer | number | null | RedisBytesReply[];

/** A word of a command: text, or bytes that are sent as they are. */
export type RedisArgument = string | Buffer;

/** A Lua script and the name it goes by in errors. */
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
  /** Runs a script on keys and arguments; loads it where Redis does not know it (any more). */
  script(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>;
  /** Whether the connection stands right now. */
  isReady(): boolean;
  close(): Promise<void>;
}

/** One connection that listens to channels; it subscribes again by itself after Redis was away. */
export interface RedisSubscriber {
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** How to connect. */
export interface RedisOptions {
  address: RedisAddress;
  /** Told of every connection error; Redis being away is reported once a try. */
  onError: (message: string) => void;
  /** Gives up waiting for the first connection. */
  signal?: AbortSignal;
  /** How often a link is asked for a sign of life, in ms. @default 2000 */
  pingEveryMs?: number;
}

const RECONNECT_MS = { first: 25, most: 500 };

/** Makes a {@link RedisScript} of Lua text. */
export const defineScript = (name: string, source: string): RedisScript => ({
  name,
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

/** Opens the command connection. Waits for Redis as long as it takes, or until the signal. */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  let client = await connect(options);
  // The client cannot be asked to notice: its socketTimeout begins anew with everything that is written, and commands are
  // written to a dead link, too.
  const unwatch = watchLink({
    pingEveryMs: options.pingEveryMs ?? PING_EVERY_MS,
    ping: () => (client.isReady ? client.sendCommand(['PING']) : undefined),
    onDead() {
      options.onError('no answer for several pings, taking a new connection');
      const dead = client;
      client = clientFor(options);
      // It tries until it succeeds, or until it is closed.
      client.connect().catch(() => undefined);
      dead.destroy();
    },
  });
  const command = async (args: readonly RedisArgument[]): Promise<RedisReply> => {
    try {
      return await client.sendCommand<RedisReply>([...args]);
    } catch (cause) {
      throw failureOf(String(args[0]), cause);
    }
  };
  return {
    command,
    async commandBytes(args) {
      try {
        return await client.sendCommand<RedisBytesReply>([...args], {
          typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
        });
      } catch (cause) {
        throw failureOf(String(args[0]), cause);
      }
    },
    async script({ name, source, sha }, keys, args) {
      const tail = [String(keys.length), ...keys, ...args];
      try {
        return await client.sendCommand<RedisReply>(['EVALSHA', sha, ...tail]);
      } catch (cause) {
        if (isScriptMissing(cause)) return command(['EVAL', source, ...tail]);
        throw failureOf(name, cause);
      }
    },
    isReady: () => client.isReady,
    close() {
      unwatch();
      return closeClient(client);
    },
  };
}

/** Opens a subscriber connection. Waits for Redis as long as it takes, or until the signal. */
export async function openRedisSubscriber(options: RedisOptions): Promise<RedisSubscriber> {
  const client = await connect(options);
  return {
    subscribe: async (channel, listener) => {
      await client.subscribe(channel, listener);
    },
    close: () => closeClient(client),
  };
}

type Client = ReturnType<typeof clientFor>;

function clientFor({ address, onError, pingEveryMs = PING_EVERY_MS }: RedisOptions) {
  const { username, password, database } = address;
  const common = {
    connectTimeout: 2_000,
    socketTimeout: DEAD_AFTER_PINGS * pingEveryMs,
    reconnectStrategy: (retries: number) =>
      Math.min(RECONNECT_MS.first * 2 ** Math.min(retries, 10), RECONNECT_MS.most),
  };
  const socket =
    address.kind === 'socket'
      ? { ...common, path: address.path, tls: false as const }
      : address.tls
        ? { ...common, host: address.host, port: address.port, tls: true as const }
        : { ...common, host: address.host, port: address.port };
  const client = createClient({
    RESP: 2,
    socket,
    database,
    disableOfflineQueue: true,
    // The client's own timeout, 5 s unless told otherwise, costs three times the command itself (an AbortSignal each,
    // which lives on until it fires). Whoever cannot wait has a deadline; a dead link is found by socketTimeout.
    commandOptions: { timeout: 0 },
    pingInterval: pingEveryMs,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  client.on('error', (error: unknown) => onError(messageOf(error)));
  return client;
}

async function connect(options: RedisOptions): Promise<Client> {
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

/** Lets what is under way finish when the connection stands; drops it when Redis is away. */
async function closeClient(client: Client): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), new Promise((r) => setTimeout(r, 500).unref())]);
  // Also when its close has begun: that waits for answers which may never come.
  client.destroy();
}

/** States in which Redis answers but cannot serve; anything else it refuses is a mistake of ours. */
const CANNOT_SERVE =
  /^(LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|MISCONF|NOREPLICAS|MAXCLIENTS)/;

function failureOf(operation: string, cause: unknown): Error {
  const reason = messageOf(cause);
  if (cause instanceof ErrorReply && !CANNOT_SERVE.test(reason)) {
    return new Error(`Redis refused ${operation}: ${reason}`, { cause });
  }
  return new RedisUnavailableError(`${operation} (${reason})`, { cause });
}

const isScriptMissing = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');
