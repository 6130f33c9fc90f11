import { type BenchHost, type BenchService, startBenchService } from '../service.js';
import { holding, LINEAR_MODEL, tripRequests } from './peer.js';
import type { Subject } from './subject.js';

/** Long enough for any job of a benchmark, in seconds. */
const WAIT = 'wait=30';

/** This service as a subject, with its address and processes. */
export type WaggleSubject = Subject & BenchService;

/** This service as `npm start` runs it, asked for the linear model. `env` may set any of its variables. */
export async function startWaggle(
  host: BenchHost,
  env: Readonly<Record<string, string>> = {},
): Promise<WaggleSubject> {
  const service = await startBenchService(host, { MAX_QUEUE_DEPTH: '10000000', ...env });
  const bodyOf = (trip: string): string => `{"model":"${LINEAR_MODEL}","input":${trip}}`;
  return {
    ...service,
    name: 'Waggle',
    submits: tripRequests('/jobs', { bodyOf }),
    asks: tripRequests('/jobs', { bodyOf, headers: { Prefer: WAIT } }),
    hasResult: holding('"status":"succeeded"', '"status":"failed"'),
  };
}
