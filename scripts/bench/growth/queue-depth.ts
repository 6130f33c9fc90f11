import { tripRequests } from '../subjects/peer.js';
import { runClients } from '../load/clients.js';
import { ask, submitOnly } from '../load/job-clients.js';
import type { Measure } from '../rounds/measure.js';
import type { Target } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { OTHER_MODEL, startWaggleAndWorkers } from '../subjects/waggle-and-workers.js';

const DEPTHS = [0, 10_000, 100_000] as const;
const CLIENTS = 64;
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

/** Submits a second into queues of several depths, which nothing takes from, each on a service started for it. */
export function depthMeasures(host: BenchHost): Measure[] {
  return DEPTHS.map((depth): Measure => {
    const figure = rateAt(depth);
    return {
      name: figure,
      async run() {
        const service = await startWaggleAndWorkers(host);
        try {
          const { port, submits, hasResult } = service;
          const submit = (count: number, requests: readonly string[]) =>
            runClients({ port, clients: CLIENTS, until: { count } }, submitOnly(requests));
          // Jobs that are worked off warm the API up; they are, when one behind them has its result.
          await submit(WARM_UP_JOBS, served());
          const last = ask(served({ Prefer: 'wait=60' }), hasResult);
          await runClients({ port, clients: 1, until: { count: 1 } }, last);
          await submit(depth, submits);
          return [{ figure, unit: 'jobs/s', value: (await submit(JOBS, submits)).perSecond }];
        } finally {
          await service.stop();
        }
      },
    };
  });
}

/** Requests for the model that the service's own worker serves. */
const served = (headers: Readonly<Record<string, string>> = {}): string[] =>
  tripRequests('/jobs', { bodyOf: (trip) => `{"model":"${OTHER_MODEL}","input":${trip}}`, headers });
