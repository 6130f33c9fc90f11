import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, messageOf, RedisUnavailableError } from '../errors.js';
import { backOff } from '../process/backoff.js';
import { withTimeout } from '../process/with-timeout.js';
import type { RedisAddress } from './address.js';
import { type Client, type ClientOptions, createRedisClient, ErrorReply } from './client.js';
import { locate } from './locate.js';
import { DEAD_AFTER_PINGS, PING_EVERY_MS, watchLink } from './watch-link.js';

/** Where a connection leads, and what is told of it. */
export interface LinkOptions {
  address: RedisAddress;
  /** A key that is wanted: on a cluster the connection leads to the master of its slot, elsewhere to the one that has all. */
  key?: string;
  /** Is called with every connection error: while Redis is away, once for each attempt to connect. */
  onError: (message: string) => void;
  /** Gives up waiting for the first connection. */
  signal?: AbortSignal | undefined;
  /** Longest wait for the first connection, in ms: then the link goes on to make it, and refuses calls meanwhile. @default no limit */
  patienceMs?: number;
  /** Time between two `INFO replication`, which prove that the link lives and tell the role of Redis, in ms. @default 2000 */
  pingEveryMs?: number;
}

/** Holds the client of the connection that stands, or of the last one that stood. */
export interface Link {
  readonly client: Client;
  /** Takes a new connection, which may lead elsewhere; at most one in {@link REPLACE_EVERY_MS}. */
  replace(reason: string): void;
  close(): Promise<void>;
}

const REPLACE_EVERY_MS = 500;
const RECONNECT_BACKOFF = { firstMs: 25, mostMs: 500 };

/** Whether the answer to `INFO replication` is that of a replica, which takes no writes. */
export const isReplica = (replication: unknown): boolean => /^role:slave/m.test(String(replication));

/**
 * Connects to the master, wherever it is now, and watches the link: one that breaks, answers nothing, or leads to a Redis
 * that has become a replica while the connection stood, is replaced. `prepare` is called with each answer of a master, and
 * may fail. Waits for Redis for `patienceMs`, or until the signal aborts; rejects with a {@link ConfigError} where the
 * address can never lead to a master.
 */
export async function openLink(
  options: LinkOptions & Pick<ClientOptions, 'RESP'>,
  prepare: (client: Client) => Promise<unknown>,
): Promise<Link> {
  const { address, key = '', onError, RESP, signal, patienceMs, pingEveryMs = PING_EVERY_MS } = options;
  const deadAfterMs = DEAD_AFTER_PINGS * pingEveryMs;
  const closing = new AbortController();

  /** Whether the client leads to a master; rejects when there is no answer. */
  const ask = async (asked: Client): Promise<boolean> => {
    // Where this user may not ask, the role is not known, and the Redis counts as a master.
    const answer = asked.sendCommand(['INFO', 'replication']).catch((cause: unknown) => {
      if (!(cause instanceof ErrorReply)) throw cause;
    });
    if (isReplica(await answer)) return false;
    await prepare(asked).catch(() => undefined);
    return true;
  };
  const attempt = async (ending: AbortSignal): Promise<Client> => {
    const place = await locate(address, key).catch((cause: unknown) => {
      onError(messageOf(cause));
      throw cause;
    });
    ending.throwIfAborted();
    const made = createRedisClient(place, { RESP, pingEveryMs, socketTimeoutMs: deadAfterMs });
    made.on('error', (error: unknown) => onError(messageOf(error)));
    const giveUp = (): void => made.destroy();
    ending.addEventListener('abort', giveUp, { once: true });
    try {
      await made.connect();
      await withTimeout(ask(made), deadAfterMs);
      if (made.isOpen) return made;
      throw new Error('the connection broke at once');
    } catch (cause) {
      made.destroy();
      throw cause;
    } finally {
      ending.removeEventListener('abort', giveUp);
    }
  };
  /** Makes attempts until one succeeds; the first connection of all is given up where the address is wrong. */
  const connect = async (failures: number, ending: AbortSignal, isFirst = false): Promise<Client> => {
    for (let count = failures; ; count += 1) {
      if (count > 0) await backOff(count, RECONNECT_BACKOFF, ending);
      ending.throwIfAborted();
      try {
        return await attempt(ending);
      } catch (cause) {
        if (cause instanceof ConfigError && isFirst) throw cause;
      }
    }
  };
  let isConnecting = false;
  let replacedMs = Number.NEGATIVE_INFINITY;
  const reconnect = (failures: number): void => {
    isConnecting = true;
    client.destroy();
    connect(failures, closing.signal)
      .then(hold)
      .catch(() => undefined);
  };
  const replace = (reason: string): void => {
    if (isConnecting || closing.signal.aborted || performance.now() - replacedMs < REPLACE_EVERY_MS) return;
    replacedMs = performance.now();
    onError(`${reason}, taking a new connection`);
    reconnect(0);
  };
  const hold = (made: Client): void => {
    isConnecting = false;
    client = made;
    made.on('terminated', () => reconnect(1));
    made.on('sharded-channel-moved', () => replace('the slot has moved'));
  };

  const first = connect(0, signal ?? closing.signal, true);
  // One that has never connected refuses every call.
  let client: Client = createRedisClient(
    { kind: 'socket', path: '', database: 0 },
    { RESP, pingEveryMs, socketTimeoutMs: deadAfterMs },
  );
  try {
    const late = patienceMs && sleep(patienceMs, undefined, { ref: false });
    const made = await (late ? Promise.race([first, late]) : first);
    if (made) hold(made);
    else {
      isConnecting = true;
      first.then(hold).catch((error: unknown) => onError(messageOf(error)));
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new RedisUnavailableError(`the first connection (${messageOf(cause)})`, { cause });
  }
  // The client's own socketTimeout does not find a dead link in time: every write starts it anew, and commands are written
  // to a dead link, too.
  const unwatch = watchLink({
    pingEveryMs,
    ping: () =>
      isConnecting
        ? undefined
        : ask(client).then((isMaster) => isMaster || replace('this Redis is a replica')),
    onDead: () => replace('no answer for several pings'),
  });
  return {
    get client() {
      return client;
    },
    replace,
    close() {
      closing.abort();
      unwatch();
      return closeClient(client);
    },
  };
}

/** Lets commands under way finish while the connection stands; drops them when Redis is away. */
async function closeClient(client: Client): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), new Promise((r) => setTimeout(r, 500).unref())]);
  // close() waits for answers, which may never come; destroy() ends the client in any case.
  client.destroy();
}
