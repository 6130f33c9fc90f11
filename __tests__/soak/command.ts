import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { Command } from 'commander';
import { decimal } from '../../scripts/commands/numbers.js';
import { pause } from '../../shared/process/pause.js';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { openRedis } from '../../shared/redis/redis.js';
import { startOneRedis } from '../faults/one-redis.js';
import { type FaultHost, say, startStack } from '../faults/stack.js';
import { type Done, load } from './load.js';
import { measure, type Sizes } from './measure.js';

const HELP = `
Two APIs and two workers of its own; users who submit, poll, wait, cancel, list and send batches. Memory is measured
after a garbage collection: when the first quarter is over, at the half, and at the end; and once more when the load has
ended and every record has expired. Exit code 1 when something has grown.

Examples:
  $ npm run soak -- --minutes 10
  $ npm run soak -- --minutes 2 --json | tail -1`;

interface Options {
  minutes: number;
  json?: true;
}

/** Lifetime of ended records: short, so that Redis does not hold the load of a whole run at its end. */
const RESULT_TTL_MS = 20_000;
/** Waits after the load: for records to expire and the sweeper to pass; and for connections to go. */
const SETTLE_MS = RESULT_TTL_MS + 15_000;
/** Heap may differ so much between two moments without having grown: caches fill, code is optimized. */
const HEAP_SLACK_BYTES = 6 * 2 ** 20;
const HANDLE_SLACK = 8;
const REDIS_SLACK_BYTES = 2 * 2 ** 20;
/** Keys that stay in Redis: counts, workers, leases, Bee-Queue's own. */
const KEYS_LEFT = 40;

type Moment = 'start' | 'quarter' | 'half' | 'end' | 'expired';

/** `npm run soak`: shows that nothing grows. */
export async function runCommand(args: readonly string[], host: FaultHost): Promise<void> {
  const { minutes, json } = new Command('npm run soak --')
    .description('Mixed load for a while; memory, handles and keys have to stay level.')
    .option('--minutes <n>', 'how long the load lasts', decimal(0.01, 24 * 60), 10)
    .option('--json', 'one JSON document as the last line of standard output')
    .addHelpText('after', HELP)
    .parse(args, { from: 'user' })
    .opts<Options>();
  const { sizes, done } = await soak(host, minutes);
  const grown = growthOf(sizes);
  process.stdout.write(
    `${tableOf(sizes)}\n\n${Object.entries(done)
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ')}\n`,
  );
  process.stdout.write(grown.length === 0 ? 'level\n' : `${grown.join('\n')}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ minutes, sizes, done, grown })}\n`);
  if (grown.length > 0) process.exitCode = 1;
}

async function soak(host: FaultHost, minutes: number): Promise<{ sizes: Record<Moment, Sizes>; done: Done }> {
  const probe = pathToFileURL(join(host.root, '__tests__/soak/heap-probe.mjs')).href;
  const stack = await startStack(host, startOneRedis, {
    env: { RESULT_TTL_MS: String(RESULT_TTL_MS), LEASE_MS: '15000' },
    execArgv: ['--expose-gc', '--import', probe],
  });
  const redis = await openRedis({ address: parseRedisAddress(stack.redis.url), onError: say });
  try {
    const start = await measure(stack, redis);
    const over = new AbortController();
    const loading = load(stack.clients, over.signal);
    const quarterMs = minutes * 15_000;
    const after = async (ms: number, what: string): Promise<Sizes> => {
      // A load that fails ends the wait; one that is over does not.
      await Promise.all([pause(ms), over.signal.aborted ? undefined : Promise.race([pause(ms), loading])]);
      const sizes = await measure(stack, redis);
      say(`${what}: ${lineOf(sizes)}`);
      return sizes;
    };
    const quarter = await after(quarterMs, 'a quarter is over');
    const half = await after(quarterMs, 'half is over');
    const end = await after(2 * quarterMs, 'the end');
    over.abort();
    const done = await loading;
    const expired = await after(SETTLE_MS, 'all has expired');
    return { sizes: { start, quarter, half, end, expired }, done };
  } finally {
    await redis.close();
    await stack.close();
  }
}

/** Sizes that have grown, in words. */
function growthOf({ start, quarter, end, expired }: Record<Moment, Sizes>): string[] {
  const grown: string[] = [];
  const compare = (what: string, before: number, after: number, slack: number): void => {
    if (after > before + slack) {
      grown.push(`${what} has grown from ${before} to ${after}, more than ${slack}`);
    }
  };
  for (const name of Object.keys(quarter.heapBytes)) {
    compare(`heap of ${name}`, quarter.heapBytes[name] ?? 0, end.heapBytes[name] ?? 0, HEAP_SLACK_BYTES);
    compare(
      `heap of ${name} at rest`,
      quarter.heapBytes[name] ?? 0,
      expired.heapBytes[name] ?? 0,
      HEAP_SLACK_BYTES,
    );
    compare(`handles of ${name}`, quarter.handles[name] ?? 0, end.handles[name] ?? 0, HANDLE_SLACK);
  }
  compare('memory of Redis', start.redisBytes, expired.redisBytes, REDIS_SLACK_BYTES);
  compare('keys of Redis', 0, expired.redisKeys, KEYS_LEFT);
  return grown;
}

function tableOf(sizes: Record<Moment, Sizes>): string {
  const moments: Moment[] = ['start', 'quarter', 'half', 'end', 'expired'];
  const row = (title: string, valueOf: (size: Sizes) => string): string =>
    [title.padEnd(34), ...moments.map((moment) => valueOf(sizes[moment]).padStart(9))].join('');
  const names = Object.keys(sizes.start.heapBytes);
  return [
    [''.padEnd(34), ...moments.map((moment) => moment.padStart(9))].join(''),
    ...names.map((name) => row(`heap of ${name}, MB`, ({ heapBytes }) => megabytes(heapBytes[name] ?? 0))),
    ...names.map((name) => row(`handles of ${name}`, ({ handles }) => String(handles[name]))),
    row('memory of Redis, MB', ({ redisBytes }) => megabytes(redisBytes)),
    row('keys of Redis', ({ redisKeys }) => String(redisKeys)),
  ].join('\n');
}

const lineOf = ({ heapBytes, redisBytes, redisKeys }: Sizes): string =>
  `heaps ${Object.values(heapBytes).map(megabytes).join(', ')} MB; Redis ${megabytes(redisBytes)} MB, ${redisKeys} keys`;

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
