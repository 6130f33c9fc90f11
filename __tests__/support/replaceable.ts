import { until } from './latch.js';
import type { TestRedis } from './redis.js';

/** Redis servers of which a replica may take its master's place. */
export interface Replaceable {
  /** For REDIS_URL. */
  url: string;
  /** The master of a hash tag's slot in a cluster, elsewhere of everything. Waits until somebody names one. */
  master(tag?: string): Promise<TestRedis>;
  /** Tells a replica to take the place of its master, which serves on. */
  failOver(tag?: string): Promise<void>;
  /** Resolves when every master is known to all and has a replica that has everything. */
  isWhole(): Promise<void>;
  stop(): Promise<void>;
}

/** Longest for a replica to take its master's place, on a machine that does other things beside, in ms. */
const PATIENCE_MS = 60_000;

/** Resolves when another has the place of a master. */
export async function replaced(redis: Replaceable, old: TestRedis, tag?: string): Promise<void> {
  const another = async (): Promise<boolean> => (await redis.master(tag)) !== old;
  await until(another, { what: 'another master', timeoutMs: PATIENCE_MS, everyMs: 20 });
}

/** Brings back a master that was killed, as the replica of the one that has its place. Resolves when all is whole. */
export async function bringBack(redis: Replaceable, old: TestRedis, tag?: string): Promise<void> {
  await replaced(redis, old, tag);
  await old.restart();
  await redis.isWhole();
}
