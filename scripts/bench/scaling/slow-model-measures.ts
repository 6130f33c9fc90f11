import { runClients } from '../load/clients.js';
import { ask } from '../load/job-clients.js';
import type { Measure, MeasureGroup } from '../rounds/measure.js';
import type { Target } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { OnDemand } from '../subjects/on-demand.js';
import { startWaggleAndWorkers } from '../subjects/waggle-and-workers.js';

/** Number of workers that serve at a time. */
export const WORKERS = [1, 2, 4] as const;

/** Small micro-batches leave API and Redis little to do, and 64 clients fill those of four workers. */
const MAX_BATCH = 4;
const CLIENTS = 64;
const WARM_UP_MS = 2_000;

/** Name of the figure for a number of workers. */
export const slowRateOf = (workers: number): string =>
  `20 ms a micro-batch of ${MAX_BATCH}, ${workers} worker${workers === 1 ? '' : 's'}`;

const overOne = (workers: number, atLeast: number): Target => ({
  name: `${workers} workers over 1, model of 20 ms a micro-batch`,
  figure: slowRateOf(workers),
  over: slowRateOf(1),
  goal: { atLeast },
});

/** Wanted gain of more workers where they are the limit. */
export const SLOW_MODEL_TARGETS: readonly Target[] = [overOne(2, 1.8), overOne(4, 3.4)];

/** Jobs a second by workers whose model waits and uses no CPU, behind one API. */
export function slowModelMeasures(host: BenchHost, ms: number): MeasureGroup {
  const service = new OnDemand(() => startWaggleAndWorkers(host));
  const measures = WORKERS.map((count): Measure => {
    const figure = slowRateOf(count);
    return {
      name: figure,
      async run() {
        const waggle = await service.get();
        const { port, asks, hasResult } = waggle;
        const program = 'scripts/bench/slow-worker/worker.mjs';
        const env = { MAX_BATCH: String(MAX_BATCH) };
        const starting = Array.from({ length: count }, () => waggle.startWorker({ program, env }));
        try {
          await Promise.all(starting);
          const load = { port, clients: CLIENTS };
          await runClients({ ...load, until: { ms: WARM_UP_MS } }, ask(asks, hasResult));
          const { perSecond } = await runClients({ ...load, until: { ms } }, ask(asks, hasResult));
          return [{ figure, unit: 'jobs/s', value: perSecond }];
        } finally {
          for (const worker of await Promise.allSettled(starting)) {
            if (worker.status === 'fulfilled') await worker.value.stop();
          }
        }
      },
    };
  });
  return { measures, stop: () => service.stop() };
}
