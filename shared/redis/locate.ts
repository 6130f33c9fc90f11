import { ConfigError, messageOf, RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../process/with-timeout.js';
import type { RedisAddress, RedisHost, RedisPlace } from './address.js';
import { createRedisClient } from './client.js';

/** Longest that one Sentinel or node may take to say where the master is, connection included, in ms. */
const ANSWER_MS = 1_000;

/**
 * The place of the master now: of a cluster, the master of the slot of `key`. Asks one Sentinel or node after the other,
 * in random order, since one of them may be behind the others; a place itself is asked nothing. Rejects with
 * {@link RedisUnavailableError} when nobody knows, with {@link ConfigError} when those that answered can never know.
 */
export async function locate(address: RedisAddress, key: string): Promise<RedisPlace> {
  if (address.kind === 'socket' || address.kind === 'host') return address;
  const unanswered: string[] = [];
  let misnamed: ConfigError | undefined;
  for (const seed of shuffled(address.seeds)) {
    try {
      return await askRedis(seed, async (send) =>
        address.kind === 'sentinel'
          ? { ...address.master, ...(await masterOf(address.name, seed, send)) }
          : { ...seed, ...(await ownerOf(key, seed, send)) },
      );
    } catch (cause) {
      if (cause instanceof ConfigError) misnamed = cause;
      else unanswered.push(`${seed.host}:${seed.port} (${messageOf(cause)})`);
    }
  }
  throw misnamed ?? new RedisUnavailableError(`the search for its master: ${unanswered.join(', ')}`);
}

type Send = <T>(...words: string[]) => Promise<T>;
type Place = Pick<RedisHost, 'host' | 'port'>;

async function masterOf(name: string, { host, port }: RedisHost, send: Send): Promise<Place> {
  const found = await send<[string, string] | null>('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name).catch(
    (cause: unknown) => {
      if (!/unknown command/.test(messageOf(cause))) throw cause;
      throw new ConfigError([`REDIS_URL names Sentinels, and ${host}:${port} is none`]);
    },
  );
  if (found) return { host: found[0], port: Number(found[1]) };
  throw new ConfigError([
    `REDIS_URL names the master ${name}, which the Sentinel ${host}:${port} does not know`,
  ]);
}

/** The first is where the slots begin and end; then come the nodes that have them, the master before its replicas. */
export type SlotRange = [first: number, last: number, master: [host: string | null, port: number]];

async function ownerOf(key: string, seed: RedisHost, send: Send): Promise<Place> {
  const [slot, ranges] = await Promise.all([
    send<number>('CLUSTER', 'KEYSLOT', key),
    send<SlotRange[]>('CLUSTER', 'SLOTS'),
  ]).catch((cause: unknown) => {
    if (!/cluster support disabled/.test(messageOf(cause))) throw cause;
    throw new ConfigError([`REDIS_URL names a cluster, and ${seed.host}:${seed.port} is a Redis of its own`]);
  });
  const range = ranges.find(([first, last]) => first <= slot && slot <= last);
  if (!range) throw new Error(`slot ${slot} of the cluster has no master`);
  const [, , [host, port]] = range;
  // A node that does not know its own name leaves it out.
  return { host: host || seed.host, port };
}

/** Asks one Redis or Sentinel, master or not. Rejects when it does not answer within {@link ANSWER_MS}. */
export async function askRedis<T>(place: RedisPlace, question: (send: Send) => Promise<T>): Promise<T> {
  const client = createRedisClient(place, { RESP: 2, socketTimeoutMs: ANSWER_MS, pingEveryMs: ANSWER_MS });
  // The rejection of connect() or of the question says the same.
  client.on('error', () => undefined);
  const answered = async (): Promise<T> => {
    try {
      await client.connect();
      return await question((...words) => client.sendCommand(words));
    } finally {
      // A connection that came to stand after the time was over.
      client.destroy();
    }
  };
  return withTimeout(answered(), ANSWER_MS).finally(() => client.destroy());
}

const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map((member) => ({ member, order: Math.random() }))
    .toSorted((one, other) => one.order - other.order)
    .map(({ member }) => member);
