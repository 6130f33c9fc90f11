import type { Costs } from '../../capacity/costs.js';
import { syntheticInputs } from '../../trips/synthetic-trips.js';
import type { Figure } from '../../lib/figures.js';
import type { BenchHost } from '../service.js';
import { startWaggleAndWorkers } from '../subjects/waggle-and-workers.js';
import { costFigures, settledCosts } from './figures.js';
import { measureRound, ROWS } from './round.js';

/** Result of the scenario: figures for a reader, and one number of each for a plan. */
export interface MeasuredCosts {
  figures: Figure[];
  costs: Costs;
}

/**
 * Measures the cost of a submit, a poll, a run, a submit that waits and 1,000 rows for each process and Redis. Processes
 * are busy meanwhile and micro-batches full, so a process can do 1,000,000 / µs a second at the most. The first round
 * warms up and does not count.
 */
export async function benchCosts(host: BenchHost, { rounds }: { rounds: number }): Promise<MeasuredCosts> {
  const service = await startWaggleAndWorkers(host);
  const pieces = syntheticInputs(ROWS);
  try {
    // A rewrite of the file would make it shorter in the middle of a measurement.
    await service.redis.command(['CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0']);
    await measureRound(service, pieces);
    const found: Costs[] = [];
    for (let round = 0; round < rounds; round += 1) found.push(await measureRound(service, pieces));
    return { figures: costFigures(found), costs: settledCosts(found) };
  } finally {
    await service.stop();
  }
}
