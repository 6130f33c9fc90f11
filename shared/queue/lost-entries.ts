import type { Redis, RedisReply } from '../redis/redis.js';
import type { BeeKeys } from './bee-queue.js';

/** Entries of a list or of the hash that one command reads: it blocks Redis for about a millisecond at most. */
const WINDOW = 1_000;

/**
 * Names of entries in Bee-Queue's hash that stand in none of its lists, so that nothing would ever hand them out. Costs
 * four counts unless the counts say that there are some; then everything is read once, in windows. What moves
 * meanwhile may be named though it is in a list.
 */
export async function findLostEntries(redis: Redis, keys: BeeKeys): Promise<string[]> {
  // Sent together, so that Redis runs them one right after the other.
  const [entries, ...listed] = await Promise.all(
    [
      ['HLEN', keys.jobs],
      ['LLEN', keys.waiting],
      ['LLEN', keys.active],
      ['ZCARD', keys.delayed],
    ].map((command) => redis.command(command)),
  );
  if (Number(entries) <= listed.reduce<number>((sum, count) => sum + Number(count), 0)) return [];
  // The entries first: what is listed later than this was no entry yet, and is none of the lost.
  const lost = await readEntries(redis, keys.jobs);
  // In the direction in which a delivery moves, and each list from the end at which it grows.
  for (const [command, key] of [
    ['ZRANGE', keys.delayed],
    ['LRANGE', keys.waiting],
    ['LRANGE', keys.active],
  ] as const) {
    for (let from = 0; ; from += WINDOW) {
      const names = textsOf(await redis.command([command, key, String(from), String(from + WINDOW - 1)]));
      for (const name of names) lost.delete(name);
      if (names.length < WINDOW) break;
    }
  }
  return [...lost];
}

async function readEntries(redis: Redis, key: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (let cursor = '0'; ; ) {
    const reply = await redis.command(['HSCAN', key, cursor, 'COUNT', String(WINDOW)]);
    const [next, pairs] = Array.isArray(reply) ? reply : [];
    textsOf(pairs).forEach((text, index) => index % 2 === 0 && names.add(text));
    cursor = String(next ?? '0');
    if (cursor === '0') return names;
  }
}

const textsOf = (reply: RedisReply | undefined): string[] => (Array.isArray(reply) ? reply.map(String) : []);
