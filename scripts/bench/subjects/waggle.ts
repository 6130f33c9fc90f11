import { type BenchHost, type BenchService, startBenchService } from '../service.js';
import { holding, LINEAR_MODEL, manyTrips, tripRequests } from './peer.js';
import { UNIQUE } from '../load/job-clients.js';
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
    many: manyTrips('/jobs', (trips) => `{"jobs":[${trips.map(bodyOf).join(',')}]}`, { Prefer: WAIT }),
    hasResult: holding('"status":"succeeded"', '"status":"failed"'),
  };
}

const KEYS = ['first', 'second', 'third'].map((name) => ({ name, secret: `${name}-secret-of-a-benchmark` }));

/** The same with three API keys; every job has a request id, and an Idempotency-Key of its own. */
export async function startKeyedWaggle(host: BenchHost): Promise<WaggleSubject> {
  const service = await startWaggle(host, {
    API_KEYS: KEYS.map(({ name, secret }) => `${name}:${secret}`).join(','),
  });
  const bodyOf = (trip: string): string =>
    `{"model":"${LINEAR_MODEL}","request_id":"${UNIQUE}","input":${trip}}`;
  const asks = KEYS.map(({ secret }) =>
    tripRequests('/jobs', {
      bodyOf,
      headers: { Prefer: WAIT, Authorization: `Bearer ${secret}`, 'Idempotency-Key': UNIQUE },
    }),
  );
  // The callers alternate.
  return {
    ...service,
    name: 'Waggle with keys',
    asks: asks[0]?.flatMap((_, at) => asks.map((own) => own[at] ?? '')) ?? [],
  };
}
