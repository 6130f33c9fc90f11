import { type ClientRequest, get } from 'node:http';
import { exampleInput } from '../trips/synthetic-trips.js';
import { type Figure, percentile } from '../lib/figures.js';
import { keepAliveAgent, send } from './http.js';
import { type BenchHost, startBenchService } from './service.js';

const STREAMS = 50;
const JOBS_A_SECOND = 500;
const ROUND_MS = 5_000;
/** Jobs are sent in bursts so far apart: timers are not finer. */
const BURST_MS = 10;
const CONNECTIONS = 64;

/** What submitting was like during one round. */
interface Round {
  p50: number;
  p95: number;
  /** Accepted jobs. */
  perSecond: number;
}

/**
 * What open dashboards cost: jobs are offered at a steady rate, whatever the answers take, in rounds that take turns
 * with none and with many streams of figures open.
 */
export async function benchDashboards(host: BenchHost, { rounds }: { rounds: number }): Promise<Figure[]> {
  const service = await startBenchService(host, {});
  const alone: Round[] = [];
  const watched: Round[] = [];
  try {
    await offerJobs(service.url);
    for (let round = 0; round < rounds; round += 1) {
      // Which one goes first changes, so that a machine that slows down favours neither.
      for (const isWatched of round % 2 === 0 ? [false, true] : [true, false]) {
        if (!isWatched) {
          alone.push(await offerJobs(service.url));
          continue;
        }
        const streams = await Promise.all(Array.from({ length: STREAMS }, () => openStream(service.url)));
        watched.push(await offerJobs(service.url));
        for (const stream of streams) stream.destroy();
      }
    }
  } finally {
    await service.stop();
  }
  const figures = (what: keyof Round, name: string, unit: string): Figure[] => [
    { name: `${name}, no dashboard open`, unit, rounds: alone.map((round) => round[what]) },
    { name: `${name}, ${STREAMS} open`, unit, rounds: watched.map((round) => round[what]) },
  ];
  return [
    ...figures('perSecond', `accepted of ${JOBS_A_SECOND} a second`, 'jobs/s'),
    ...figures('p50', 'submit, p50', 'ms'),
    ...figures('p95', 'submit, p95', 'ms'),
  ];
}

/** Offers jobs for one round, and waits for the last answer. */
async function offerJobs(url: string): Promise<Round> {
  const agent = keepAliveAgent(CONNECTIONS);
  const body = exampleInput();
  const latenciesMs: number[] = [];
  const submit = async (): Promise<void> => {
    const startMs = performance.now();
    const headers = { 'content-type': 'application/json' };
    const { status } = await send(`${url}/jobs`, { method: 'POST', headers, body, agent });
    // A machine that cannot keep up refuses: that shows in what was accepted.
    if (status === 202) latenciesMs.push(performance.now() - startMs);
  };
  const startMs = performance.now();
  const sent: Promise<void>[] = [];
  for (let now = startMs; now < startMs + ROUND_MS; now = performance.now()) {
    const due = Math.floor(((now - startMs) / 1000) * JOBS_A_SECOND);
    while (sent.length < due) sent.push(submit());
    await new Promise((resolve) => setTimeout(resolve, BURST_MS));
  }
  await Promise.all(sent);
  const seconds = (performance.now() - startMs) / 1000;
  agent.destroy();
  return {
    p50: percentile(latenciesMs, 0.5),
    p95: percentile(latenciesMs, 0.95),
    perSecond: latenciesMs.length / seconds,
  };
}

/** Follows the figures as a dashboard does; resolves when the first have come. */
function openStream(url: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const stream = get(`${url}/stats/stream`, { agent: false }, (response) => {
      response.once('data', () => resolve(stream)).resume();
      response.on('error', () => undefined);
    });
    stream.on('error', reject);
  });
}
