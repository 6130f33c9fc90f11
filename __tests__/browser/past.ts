import type { Redis } from '../../shared/redis/redis.js';

/** How busy a model was in a minute. */
interface Minute {
  jobsPerSecond: number;
  rowsPerSecond: number;
  failed: number;
  canceled: number;
}

/** Of how many jobs a minute's durations are told; each stands for its share of all. */
const SAMPLES = 200;

/**
 * Adds to the last minutes of a model's history, and to the one that runs as much as there has been of it, in the fields
 * that the scripts count in (shared/records/lua/parts/history.lua). The same on every run.
 */
export async function writePast(redis: Redis, model: string, minutes: number): Promise<void> {
  const [seconds] = (await redis.command(['TIME'])) as [string, string];
  const current = Math.floor(Number(seconds) / 60);
  const random = randomFrom(7);
  for (let ago = minutes; ago >= 0; ago -= 1) {
    const key = `{w0}:minute:${model}:${current - ago}`;
    const share = ago === 0 ? (Number(seconds) % 60) / 60 : 1;
    for (const [field, value] of fieldsOf(minuteAt(minutes - ago, random), random)) {
      await redis.command(['HINCRBY', key, field, String(Math.round(share * value))]);
    }
    await redis.command(['EXPIRE', key, '90000']);
  }
}

/** A load that swells and ebbs, with a batch now and then. */
function minuteAt(minute: number, random: () => number): Minute {
  const swell = Math.sin(minute / 7) + 0.45 * Math.sin(minute / 2.3);
  return {
    jobsPerSecond: 46 + 15 * swell + 7 * random(),
    rowsPerSecond: minute % 26 > 2 && minute % 26 < 9 ? 9_000 + 2_500 * random() : 0,
    failed: random() < 0.12 ? Math.ceil(9 * random()) : 0,
    canceled: random() < 0.2 ? Math.ceil(40 * random()) : 0,
  };
}

function fieldsOf({ jobsPerSecond, rowsPerSecond, failed, canceled }: Minute, random: () => number) {
  const submitted = Math.round(60 * jobsPerSecond);
  const perBatch = 1 + (jobsPerSecond / 70) ** 2 * 3 + (rowsPerSecond > 0 ? 2.5 : 0) + random() / 2;
  const fields = new Map<string, number>([
    ['submitted', submitted],
    ['succeeded', submitted - failed - canceled],
    ['failed', failed],
    ['canceled', canceled],
    ['rows', Math.round(60 * rowsPerSecond)],
    ['batches', Math.round(submitted / perBatch)],
    ['batch_jobs', submitted],
  ]);
  for (let i = 0; i < SAMPLES; i += 1) {
    // Log-normal, by the sum of three: most are near the middle, a few take several times as long.
    const spread = Math.exp((random() + random() + random() - 1.5) * 1.1);
    const waitMs = (rowsPerSecond > 0 ? 3.4 : 1.7) * spread * (0.6 + jobsPerSecond / 90);
    for (const bucket of [`w${bucketOf(waitMs)}`, `t${bucketOf(waitMs + 3 + 2 * random())}`]) {
      fields.set(bucket, (fields.get(bucket) ?? 0) + submitted / SAMPLES);
    }
  }
  return fields;
}

/** As `bucket_of` in parts/history.lua. */
const bucketOf = (spentMs: number): number => (spentMs <= 0.125 ? 0 : Math.floor(4 * Math.log2(spentMs * 8)));

/** Numbers from 0 to 1 that are the same for the same seed (Park and Miller's generator). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
