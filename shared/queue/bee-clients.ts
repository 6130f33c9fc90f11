import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { RedisPlace } from '../redis/address.js';

type Done = (error: Error | null, reply?: unknown) => void;

/** The part of a redis 3 client that is used here. */
interface Redis3Client {
  on(event: 'error', listener: () => void): this;
  ping(done: Done): void;
  /** Takes the script's hash, the number of keys, keys, arguments and what is to be called with the reply. */
  evalsha(...words: [...string[], Done]): unknown;
  /** The same with the script itself; Redis keeps it. */
  eval(...words: [...string[], Done]): unknown;
  hget(key: string, field: string, done: Done): unknown;
  duplicate(): Redis3Client;
  end(flush: boolean): void;
  /** There from the start; a client that loses it takes no other here. */
  stream: Socket;
}

// redis 3, the very copy that Bee-Queue uses: it tells a client from options by the name of the class.
const requireHere = createRequire(import.meta.url);
const requireOfBee = createRequire(requireHere.resolve('bee-queue'));
const { createClient } = requireOfBee('redis') as {
  createClient: (options: Record<string, unknown>) => Redis3Client;
};
/** Bee-Queue's scripts and their hashes by name, once it has read them. */
const { scripts, shas } = requireOfBee('./lib/lua') as Record<'scripts' | 'shas', Record<string, string>>;

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
 * Makes the connections of a queue, since those that Bee-Queue makes by itself are out of reach until they stand. Three
 * things go wrong with them: a connection that breaks early may be reported twice, and the second time nobody listens,
 * which ends the process; of a Redis that answers nothing a connection stays for as long as that lasts, one more with
 * each link; and scripts that Redis has forgotten are not loaded again.
 *
 * @param entry what Bee-Queue's hash holds of every call: not fetched for each again, a round trip less
 */
export function createBeeClients(address: RedisPlace, entry: string): BeeClients {
  const all: Redis3Client[] = [];
  const create = (): Redis3Client => {
    const client = createClient(clientOptions(address));
    // Bee-Queue listens, too, and tells of what breaks.
    client.on('error', () => undefined);
    client.duplicate = create;
    client.hget = (_key, _field, done) => done(null, entry);
    reloadScripts(client);
    writeTogether(client.stream);
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

/**
 * Sends what is written in answer to one event as one piece. This client writes each command by itself, and under load
 * that is most of what the queue costs on both sides: a system call each here, and a turn of its own in Redis.
 */
function writeTogether(stream: Socket): void {
  const write: (text: string) => boolean = stream.write.bind(stream);
  let waiting = '';
  const send = (): void => {
    const text = waiting;
    waiting = '';
    if (stream.writable) write(text);
  };
  stream.write = (text: unknown): boolean => {
    if (waiting === '') process.nextTick(send);
    waiting += String(text);
    return true;
  };
}

/** Has a script that Redis does not know (any more) sent whole. */
function reloadScripts(client: Redis3Client): void {
  const evalsha = client.evalsha.bind(client);
  client.evalsha = (...words) => {
    const done = words.pop() as Done;
    const [sha, ...rest] = words as string[];
    const name = Object.keys(shas).find((key) => shas[key] === sha) ?? '';
    return evalsha(sha ?? '', ...rest, (error, reply) => {
      const script = error?.message.startsWith('NOSCRIPT') ? scripts[name] : undefined;
      if (script === undefined) done(error, reply);
      else client.eval(script, ...rest, done);
    });
  };
}

/** Silence after which the system asks whether the other side is still there, in ms. */
const KEEP_ALIVE_MS = 10_000;

/** No offline queue and no retry: a broken link fails at once. */
function clientOptions(address: RedisPlace): Record<string, unknown> {
  const { username, password, database } = address;
  return {
    ...(address.kind === 'socket' ? { path: address.path } : { host: address.host, port: address.port }),
    ...(address.kind === 'host' && address.tls ? { tls: {} } : {}),
    ...(username === undefined ? {} : { user: username }),
    ...(password === undefined ? {} : { password }),
    db: database,
    connect_timeout: 2_000,
    // One that only waits for a call has nothing to send, and would not notice that the other side is gone.
    socket_initial_delay: KEEP_ALIVE_MS,
    enable_offline_queue: false,
    retry_strategy: ({ error }: { error?: Error }) => error ?? new Error('the connection to Redis ended'),
  };
}
