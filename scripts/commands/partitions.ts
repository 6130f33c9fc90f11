import type { Command } from 'commander';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { type Env, readEnv } from '../../shared/config/env.js';
import { messageOf } from '../../shared/errors.js';
import { describeRedisAddress, parseRedisAddress, type RedisAddress } from '../../shared/redis/address.js';
import { slotOf } from '../../shared/redis/key-slot.js';
import { locate } from '../../shared/redis/locate.js';
import { openRedis } from '../../shared/redis/redis.js';
import { MOST_PARTITIONS, type PartitionPlace, partitionTag } from '../../shared/records/partition-tags.js';
import { listOf, partitionPrefix, RecordScripts } from '../../shared/records/records.js';
import { StatsStore } from '../../shared/stats/stats-store.js';
import { readWorkers } from '../../shared/workers/registry.js';
import type { SetUp } from '../up/start-all.js';
import { reportErrors } from './report-errors.js';

const HELP = `
It changes nothing, and takes REDIS_URL, KEY_PREFIX and PARTITIONS from the environment or .env, as the API does. The exit code
is 1 where a partition is away. docs/growing.md tells how a partition moves to another master.

Examples:
  $ REDIS_URL=redis+cluster://10.0.0.5,10.0.0.6/ PARTITIONS=16 npx waggle partitions
  $ npx waggle partitions --json | tail -1 | jq '.partitions[].master'`;

/** Longest that the master of a partition may take to be connected to, in ms. */
const PATIENCE_MS = 3_000;

interface Deployment {
  address: RedisAddress;
  keyPrefix: string;
}

/** A partition; without `error`, all of it is known. Waiting and running are jobs and chunks of batches. */
interface Row {
  index: number;
  tag: string;
  slot: number;
  master?: string;
  waiting?: number;
  running?: number;
  /** Of the master, with all that it holds. */
  used_memory_bytes?: number;
  error?: string;
}

/** `waggle partitions`: where the records of a deployment lie. */
export function registerPartitionsCommand(program: Command, { env }: Pick<SetUp, 'env'>): void {
  program
    .command('partitions')
    .description('Lists the partitions of a deployment, with their masters and what waits there.')
    .option('--json', 'print one JSON document as the last line of standard output')
    .addHelpText('after', HELP)
    .action((options: { json?: true }) =>
      reportErrors(options, async () => {
        const partitions = await listPartitions(env);
        if (options.json) console.log(JSON.stringify({ partitions }));
        else console.log(partitions.map(lineOf).join('\n'));
        if (partitions.some(({ error }) => error !== undefined)) process.exitCode = 1;
      }),
    );
}

const lineOf = ({ index, tag, slot, master, waiting, running, used_memory_bytes, error }: Row): string =>
  `${index}  {${tag}}  slot ${slot}  ${
    error ?? `${master}  ${waiting} waiting, ${running} running, ${used_memory_bytes} bytes in use there`
  }`;

async function listPartitions(env: Env): Promise<Row[]> {
  const { address, keyPrefix, count } = readEnv(env, (read) => ({
    address: read.parsed('REDIS_URL', 'redis://127.0.0.1:6379', parseRedisAddress),
    keyPrefix: read.text('KEY_PREFIX', ''),
    count: read.int('PARTITIONS', 1, { min: 1, max: MOST_PARTITIONS }),
  }));
  const deployment = { address, keyPrefix };
  // Batches alone leave no count of their model.
  const workers = await ask(deployment, { index: 0, count }, readWorkers).catch(() => []);
  const served = workers.flatMap(({ models }) => models.map(({ name }) => name));
  return Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Row> => {
      const place = { index, count };
      const tag = partitionTag(place);
      const row = { index, tag, slot: slotOf(tag) };
      return lookAt(deployment, place, served).then(
        (found) => ({ ...row, ...found }),
        (error: unknown) => ({ ...row, error: messageOf(error) }),
      );
    }),
  );
}

/** Asks a partition. */
async function ask<T>(
  { address, keyPrefix }: Deployment,
  place: PartitionPlace,
  question: (records: RecordScripts) => Promise<T>,
): Promise<T> {
  const key = partitionPrefix(keyPrefix, place);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const redis = await openRedis({ address, key, signal, onError: () => undefined });
  try {
    return await question(new RecordScripts(redis, keyPrefix, place));
  } finally {
    await redis.close();
  }
}

async function lookAt(
  deployment: Deployment,
  place: PartitionPlace,
  served: string[],
): Promise<Partial<Row>> {
  const key = partitionPrefix(deployment.keyPrefix, place);
  const master = describeRedisAddress(await locate(deployment.address, key));
  return ask(deployment, place, async (records) => {
    const counts = await records.redis.command(['HKEYS', records.key('counts')]);
    const known = listOf(counts).map((name) => String(name).replace(/:[^:]*$/, ''));
    const models = [...new Set([...known, ...served])];
    const { queues, running } = await new StatsStore(records).depths([
      ...models,
      ...models.map(chunkQueueOf),
    ]);
    const memory = String(await records.redis.command(['INFO', 'memory']));
    return {
      master,
      waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0),
      running,
      used_memory_bytes: Number(/^used_memory:(\d+)/m.exec(memory)?.[1]),
    };
  });
}
