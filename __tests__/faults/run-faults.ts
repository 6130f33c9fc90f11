import { createRandom } from '../../scripts/lib/random.js';
import { Callers } from './callers.js';
import { type FaultKind, type FaultSetup, faultsOf } from './fault-kinds.js';
import { emptyTally, lookAgain, runRound, type Tally } from './round.js';
import { type FaultHost, startStack } from './stack.js';

/** Length and severity of a run. */
export interface FaultOptions {
  /** Jobs of all rounds together. */
  jobs: number;
  rounds: number;
  /** Rows of the batch of each round. @default two for each job of it */
  rows?: number | undefined;
  /** The same faults in the same order for the same seed; when each strikes within a round is up to the machine. */
  seed: number;
  startRedis: FaultSetup['start'];
  kinds: readonly FaultKind[];
  freezeMs: number;
  /** Faults of a round. */
  faultsPerRound: number;
  /** Told of each round that is over. */
  onRound: (round: RoundReport) => void;
}

/** One row of the table. */
export interface RoundReport extends Tally {
  round: number;
  faults: string[];
  seconds: number;
}

/** Findings of all rounds. */
export interface FaultReport extends Tally {
  rounds: number;
  /** Number of strikes of each kind of fault. */
  strikes: Record<string, number>;
}

const ROWS_PER_JOB = 2;

/** Runs every round on a stack of its own. Rejects when something hangs, or cannot be brought back. */
export async function runFaults(host: FaultHost, options: FaultOptions): Promise<FaultReport> {
  const { jobs, rounds, rows, seed, startRedis, kinds, freezeMs, faultsPerRound, onRound } = options;
  const random = createRandom(seed);
  const faults = faultsOf(kinds, random);
  const strikes: Record<string, number> = Object.fromEntries(kinds.map(({ name }) => [name, 0]));
  const total = emptyTally();
  const stack = await startStack(host, startRedis);
  try {
    const callers = new Callers(stack.clients);
    for (let round = 1; round <= rounds; round += 1) {
      const startMs = performance.now();
      const struck: string[] = [];
      const jobsNow = Math.floor((jobs * round) / rounds) - Math.floor((jobs * (round - 1)) / rounds);
      const tally = await runRound(stack, callers, {
        name: `${seed}-${round}`,
        jobs: jobsNow,
        rows: rows ?? ROWS_PER_JOB * jobsNow,
        faults: Array.from({ length: faultsPerRound }, () => faults.next().value),
        random,
        freezeMs,
        onFault: (name) => {
          struck.push(name);
          strikes[name] = (strikes[name] ?? 0) + 1;
        },
      });
      addTally(total, tally);
      onRound({ ...tally, round, faults: struck, seconds: (performance.now() - startMs) / 1000 });
    }
    await lookAgain(callers, total);
  } finally {
    await stack.close();
  }
  return { ...total, rounds, strikes };
}

function addTally(to: Tally, more: Tally): void {
  to.accepted += more.accepted;
  to.ended += more.ended;
  to.rows += more.rows;
  to.lost.push(...more.lost);
  to.doubled.push(...more.doubled);
  to.wrong.push(...more.wrong);
  to.charged.push(...more.charged);
  for (const [id, outcome] of more.outcomes) to.outcomes.set(id, outcome);
}
