import { createClient } from 'redis';
import type { RedisPlace } from './address.js';

export { ErrorReply, RESP_TYPES } from 'redis';

/** Options of one connection. */
export interface ClientOptions {
  RESP: 2 | 3;
  /** Time after which a connection on which nothing is written counts as dead, in ms. */
  socketTimeoutMs: number;
  pingEveryMs: number;
}

/** One connection of node-redis, which never connects again. */
export type Client = ReturnType<typeof createRedisClient>;

/** Makes the client of a connection to one Redis, which is not open yet. */
export function createRedisClient(place: RedisPlace, { RESP, socketTimeoutMs, pingEveryMs }: ClientOptions) {
  const { username, password, database } = place;
  const common = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: socketTimeoutMs,
    // It would go to the same address again.
    reconnectStrategy: false as const,
  };
  const socket =
    place.kind === 'socket'
      ? { ...common, path: place.path, tls: false as const }
      : place.tls
        ? { ...common, host: place.host, port: place.port, tls: true as const }
        : { ...common, host: place.host, port: place.port };
  return patternOf(RESP).duplicate({
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
}

const CONNECT_TIMEOUT_MS = 2_000;

/**
 * A client that never connects. Its duplicates share its class: creating a class attaches seven hundred commands, which
 * blocks the process for 30 ms.
 */
const patternOf = (RESP: 2 | 3) => (patterns[RESP] ??= createClient({ RESP }));
const patterns: Partial<Record<2 | 3, ReturnType<typeof createClient>>> = {};
