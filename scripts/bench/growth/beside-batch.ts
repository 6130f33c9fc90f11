import { percentile } from '../../lib/figures.js';
import { syntheticInputs } from '../../trips/synthetic-trips.js';
import { runClients } from '../load/clients.js';
import { ask } from '../load/job-clients.js';
import { runBatch } from '../load/run-batch.js';
import type { Measure } from '../rounds/measure.js';
import type { Target } from '../rounds/verdicts.js';
import { type BenchHost, PROCESS_KINDS } from '../service.js';
import { peakMb } from '../subjects/processes.js';
import { redisInfo } from '../subjects/redis-info.js';
import { otherRequests, startWaggleAndWorkers } from '../subjects/waggle-and-workers.js';
import { LARGE, named } from './batch-growth.js';

const WARM_UP_ROWS = 20_000;
const WARM_UP_JOBS = 500;
const MB = 1024 * 1024;

const besideOf = (rows: number, what: string): string => `jobs beside a ${named(rows)}: ${what}`;

/** The largest batch is not to crowd out single jobs, nor memory. */
export const BESIDE_TARGETS: readonly Target[] = [
  { what: 'p95', atMost: 60, unit: 'ms' },
  { what: 'memory, api', atMost: 200, unit: 'MB' },
  { what: 'memory that Redis came to use', atMost: 60, unit: 'MB' },
].map(({ what, atMost, unit }) => ({
  name: `${besideOf(LARGE, what)}, ${unit}`,
  figure: besideOf(LARGE, what),
  goal: { atMost },
}));

/**
 * Single jobs of one client, each waited for, while one batch of the same model runs. Memory of processes is the largest
 * since their start; Redis's is by how much its data came to exceed those before the batch.
 */
export function besideBatchMeasure(host: BenchHost, rows: number): Measure {
  return {
    name: `jobs beside a ${named(rows)}`,
    async run() {
      const pieces = syntheticInputs(rows);
      const service = await startWaggleAndWorkers(host);
      const { port, redis, hasResult } = service;
      const jobs = ask(otherRequests({ Prefer: 'wait=60' }), hasResult);
      try {
        await runBatch(service.url, syntheticInputs(WARM_UP_ROWS));
        await runClients({ port, clients: 1, until: { count: WARM_UP_JOBS } }, jobs);
        const before = await redisInfo(redis);
        const over = new AbortController();
        const [perSecond, { latenciesMs }] = await Promise.all([
          runBatch(service.url, pieces).finally(() => over.abort()),
          runClients({ port, clients: 1, until: over.signal }, jobs),
        ]);
        const after = await redisInfo(redis);
        const memory = Object.entries({
          ...service.peakMb(),
          ...peakMb([after('process_id')], PROCESS_KINDS),
        });
        return [
          { figure: besideOf(rows, 'speed'), unit: 'rows/s', value: perSecond },
          { figure: besideOf(rows, 'p50'), unit: 'ms', value: percentile(latenciesMs, 0.5) },
          { figure: besideOf(rows, 'p95'), unit: 'ms', value: percentile(latenciesMs, 0.95) },
          ...memory.map(([kind, mb]) => ({
            figure: besideOf(rows, `memory, ${kind}`),
            unit: 'MB',
            value: mb,
          })),
          {
            figure: besideOf(rows, 'memory that Redis came to use'),
            unit: 'MB',
            value: (after('used_memory_peak') - before('used_memory')) / MB,
          },
        ];
      } finally {
        await service.stop();
      }
    },
  };
}
