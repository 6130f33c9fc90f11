import { runClients } from '../load/clients.js';
import { ask, submitOnly } from '../load/job-clients.js';
import type { Measure, Reading } from '../rounds/measure.js';
import type { Target } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { otherRequests, startWaggleAndWorkers } from '../subjects/waggle-and-workers.js';

const DEPTHS = [0, 10_000, 100_000] as const;
const CLIENTS = 64;
/** Jobs submitted at each depth: at most the distance between two depths. */
const JOBS = 10_000;
const WARM_UP_JOBS = 15_000;

const rateAt = (depth: number): string =>
  `submits into a queue of ${depth.toLocaleString('en-US')} waiting jobs`;

/** A submit is not to cost more for being behind many. */
export const DEPTH_TARGETS: readonly Target[] = DEPTHS.slice(1).map((depth) => ({
  name: `submits a second, ${depth.toLocaleString('en-US')} waiting over none`,
  figure: rateAt(depth),
  over: rateAt(0),
  goal: { atLeast: 0.9 },
}));

/** Submits a second into one queue, which nothing takes from, each time that it is so deep. */
export function depthMeasure(host: BenchHost): Measure {
  return {
    name: 'submits by the depth of the queue',
    async run() {
      const service = await startWaggleAndWorkers(host);
      const { port, submits, hasResult } = service;
      const submit = (count: number, requests: readonly string[]) =>
        runClients({ port, clients: CLIENTS, until: { count } }, submitOnly(requests));
      try {
        // Jobs that are worked off warm the API up; they are, when one behind them has its result.
        await submit(WARM_UP_JOBS, otherRequests());
        const last = ask(otherRequests({ Prefer: 'wait=60' }), hasResult);
        await runClients({ port, clients: 1, until: { count: 1 } }, last);
        const readings: Reading[] = [];
        let waiting = 0;
        for (const depth of DEPTHS) {
          await submit(depth - waiting, submits);
          const { perSecond } = await submit(JOBS, submits);
          readings.push({ figure: rateAt(depth), unit: 'jobs/s', value: perSecond });
          waiting = depth + JOBS;
        }
        return readings;
      } finally {
        await service.stop();
      }
    },
  };
}
