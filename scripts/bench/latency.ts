import { submitAndWait } from './batch.js';
import { type Figure, percentile } from '../lib/figures.js';
import { keepAliveAgent } from './http.js';
import { type BenchHost, startBenchService } from './service.js';

const JOBS_A_ROUND = 500;
const WARM_UP_JOBS = 200;

/** From submission to result with `Prefer: wait=5`, one client, one job at a time, nothing else running. */
export async function benchLatency(host: BenchHost, { rounds }: { rounds: number }): Promise<Figure[]> {
  const service = await startBenchService(host, {});
  const agent = keepAliveAgent(1);
  const run = async (jobs: number): Promise<number[]> => {
    const latenciesMs: number[] = [];
    for (let i = 0; i < jobs; i += 1) {
      const startMs = performance.now();
      await submitAndWait(service.url, agent);
      latenciesMs.push(performance.now() - startMs);
    }
    return latenciesMs;
  };
  try {
    await run(WARM_UP_JOBS);
    const all: number[][] = [];
    for (let round = 0; round < rounds; round += 1) all.push(await run(JOBS_A_ROUND));
    return [
      { name: 'submit to result, p50', unit: 'ms', rounds: all.map((values) => percentile(values, 0.5)) },
      { name: 'submit to result, p95', unit: 'ms', rounds: all.map((values) => percentile(values, 0.95)) },
    ];
  } finally {
    agent.destroy();
    await service.stop();
  }
}
