import { createRequire } from 'node:module';
import type { RedisAddress } from '../redis/address.js';

/** The part of a redis 3 client that is used here. */
interface Redis3Client {
  on(event: 'error', listener: () => void): this;
  ping(done: () => void): void;
  duplicate(): Redis3Client;
  end(flush: boolean): void;
}

// redis 3, the very copy that Bee-Queue uses: it tells a client from options by the name of the class.
const requireHere = createRequire(import.meta.url);
const { createClient } = createRequire(requireHere.resolve('bee-queue'))('redis') as {
  createClient: (options: Record<string, unknown>) => Redis3Client;
};

/** The connections of one Bee-Queue queue. */
export interface BeeClients {
  /** To be given to Bee-Queue, which makes the others from it. */
  first: Redis3Client;
  /** Resolves when Redis has answered on the first, or the connection is known to be broken. */
  ping: () => Promise<void>;
  /** Ends all of them, with every call that waits on them, also those that never came to stand. */
  end(): void;
}

/**
 * Makes the connections of a queue, since those that Bee-Queue makes by itself are out of reach until they stand. Two
 * things go wrong then: Redis may report a broken connection twice, and the second time nobody listens, which ends the
 * process; and of a Redis that answers nothing a connection stays for as long as that lasts, one more with each link.
 */
export function createBeeClients(address: RedisAddress): BeeClients {
  const all: Redis3Client[] = [];
  const create = (): Redis3Client => {
    const client = createClient(clientOptions(address));
    // Bee-Queue listens, too, and tells of what breaks.
    client.on('error', () => undefined);
    client.duplicate = create;
    all.push(client);
    return client;
  };
  const first = create();
  return {
    first,
    ping: () => new Promise((resolve) => first.ping(() => resolve())),
    end() {
      for (const client of all) client.end(true);
    },
  };
}

/** Silence after which the system asks whether the other side is still there, in ms. */
const KEEP_ALIVE_MS = 10_000;

/** No offline queue and no retry: a broken link fails at once. */
function clientOptions(address: RedisAddress): Record<string, unknown> {
  const { username, password, database } = address;
  return {
    ...(address.kind === 'socket' ? { path: address.path } : { host: address.host, port: address.port }),
    ...(address.kind === 'host' && address.tls ? { tls: {} } : {}),
    ...(username === undefined ? {} : { user: username }),
    ...(password === undefined ? {} : { password }),
    db: database,
    connect_timeout: 2_000,
    // One that only waits for a delivery has nothing to send, and would not notice that the other side is gone.
    socket_initial_delay: KEEP_ALIVE_MS,
    enable_offline_queue: false,
    retry_strategy: ({ error }: { error?: Error }) => error ?? new Error('the connection to Redis ended'),
  };
}
