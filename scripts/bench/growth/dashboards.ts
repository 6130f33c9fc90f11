import { Agent, type ClientRequest, get } from 'node:http';
import { pause } from '../../../shared/process/pause.js';
import { percentile } from '../../lib/figures.js';
import { exampleInput } from '../../trips/synthetic-trips.js';
import { send } from '../load/http.js';
import type { Measure, MeasureGroup, Reading } from '../rounds/measure.js';
import { type BenchHost, startBenchService } from '../service.js';
import { OnDemand } from '../subjects/on-demand.js';

const JOBS_PER_SECOND = 500;
const ROUND_MS = 5_000;
/** Between two bursts of jobs: timers are not finer. */
const BURST_MS = 10;
const CONNECTIONS = 64;

/** Submits at a steady rate, whatever the answers take, by the number of open streams of figures. */
export function dashboardMeasures(host: BenchHost): MeasureGroup {
  const service = new OnDemand(() => startBenchService(host, {}));
  const measures = [0, 50].map((streams): Measure => {
    const name = `${JOBS_PER_SECOND} submits a second, ${streams} dashboards`;
    return {
      name,
      warmUp: async () => offerJobs((await service.get()).url, name),
      async run() {
        const { url } = await service.get();
        const open = await Promise.all(Array.from({ length: streams }, () => openStream(url)));
        try {
          return await offerJobs(url, name);
        } finally {
          for (const stream of open) stream.destroy();
        }
      },
    };
  });
  return { measures, stop: () => service.stop() };
}

/** Offers jobs for one round, and waits for the last answer. */
async function offerJobs(url: string, name: string): Promise<Reading[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const body = exampleInput();
  const latenciesMs: number[] = [];
  const submit = async (): Promise<void> => {
    const sentMs = performance.now();
    const headers = { 'content-type': 'application/json' };
    const { status } = await send(`${url}/jobs`, { method: 'POST', headers, body, agent });
    // A machine that cannot keep up refuses jobs; the rate of accepted jobs shows it.
    if (status === 202) latenciesMs.push(performance.now() - sentMs);
  };
  const startMs = performance.now();
  const sent: Promise<void>[] = [];
  for (let now = startMs; now < startMs + ROUND_MS; now = performance.now()) {
    const due = Math.floor(((now - startMs) / 1000) * JOBS_PER_SECOND);
    while (sent.length < due) sent.push(submit());
    await pause(BURST_MS);
  }
  await Promise.all(sent);
  const seconds = (performance.now() - startMs) / 1000;
  agent.destroy();
  return [
    { figure: `${name}, accepted`, unit: 'jobs/s', value: latenciesMs.length / seconds },
    { figure: `${name}, p50`, unit: 'ms', value: percentile(latenciesMs, 0.5) },
    { figure: `${name}, p95`, unit: 'ms', value: percentile(latenciesMs, 0.95) },
  ];
}

/** Follows the figures as a dashboard does; resolves once the first have come. */
function openStream(url: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const stream = get(`${url}/stats/stream`, { agent: false }, (response) => {
      response.once('data', () => resolve(stream)).resume();
      response.on('error', () => undefined);
    });
    stream.on('error', reject);
  });
}
