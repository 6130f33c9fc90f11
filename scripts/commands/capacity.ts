import type { Command } from 'commander';
import { MEASURED, SOURCE } from '../capacity/constants.js';
import { type Demand, TARGET_UTILISATION, USUAL } from '../capacity/demand.js';
import { planFor } from '../capacity/plan.js';
import { planTable } from '../capacity/table.js';
import { decimal, whole } from './numbers.js';

interface CapacityOptions extends Omit<Demand, 'results'> {
  polls: number;
  wait?: true | undefined;
  json?: true | undefined;
}

/** Above any real load, and small enough for a double to hold it exactly. */
const MOST = 1e12;
const rate = decimal(0, MOST);

const HELP = `
Nothing is started or measured. The plan multiplies rates by costs that "npx waggle bench costs" measured on ${SOURCE.date}
(${SOURCE.machine}); another
machine, model or input costs something else. No process is planned to be busy more than ${TARGET_UTILISATION * 100} % of a core. How long
your model takes stands in every job ("timings" of GET /jobs/{id}). A limit of 0.5 is reached at half of this load.

A worker runs micro-batches one after the other: with --predict-ms 50 and --max-batch 64 at most 1,280 jobs a second.

Examples:
  $ npx waggle capacity --jobs-per-second 100 --rows-per-second 1000
  $ npx waggle capacity --jobs-per-second 500 --predict-ms 80 --max-batch 32 --result-ttl-ms 600000
  $ npx waggle capacity --rows-per-second 50000 --json | tail -1 | jq .plan.worker`;

/** `waggle capacity`: plans for a load by arithmetic from measured costs. */
export function registerCapacityCommand(program: Command): void {
  const command = program
    .command('capacity')
    .description('Computes the processes and the Redis that a load takes, and how far it may grow.')
    .option('--jobs-per-second <n>', 'single jobs', rate, 0)
    .option('--rows-per-second <n>', 'rows of batches', rate, 0)
    .option(
      '--predict-ms <n>',
      `time of one micro-batch in the model (default: as the measured one, ${MEASURED.predictMs})`,
      decimal(0, 3_600_000),
    )
    .option('--max-batch <n>', 'jobs of a micro-batch, MAX_BATCH', whole(1, 1_024), USUAL.maxBatch)
    .option('--polls <n>', 'how often a client asks for its job', decimal(0, 1_000), USUAL.results.polls)
    .option('--wait', 'clients wait for their results instead of asking (Prefer: wait)')
    .option(
      '--input-bytes <n>',
      `an input as JSON (default: as the measured ones, ${MEASURED.inputBytes})`,
      whole(2, 16_777_216),
    )
    .option(
      '--result-ttl-ms <n>',
      'how long results are kept, RESULT_TTL_MS',
      whole(1_000, MOST),
      USUAL.resultTtlMs,
    )
    .option(
      '--max-queue-depth <n>',
      'jobs that may wait, MAX_QUEUE_DEPTH',
      whole(1, MOST),
      USUAL.maxQueueDepth,
    )
    .option(
      '--outage-seconds <n>',
      'how long no worker may run without a job being refused',
      decimal(0, MOST),
      USUAL.outageSeconds,
    )
    .option('--replicas <n>', 'replicas of each master of Redis', whole(0, 16), USUAL.replicas)
    .option('--acks <n>', 'replicas that acknowledge a job, REDIS_REPLICAS_ACK', whole(0, 16), USUAL.acks)
    .option('--redis-memory-mb <n>', 'memory of one Redis', whole(1, MOST), USUAL.redisMemoryMb)
    .option('--json', 'print one JSON document as the last line of standard output')
    .addHelpText('after', HELP);
  command.action(({ json, ...options }: CapacityOptions) => {
    if (options.jobsPerSecond === 0 && options.rowsPerSecond === 0) {
      command.error('error: nothing to plan for: give --jobs-per-second, --rows-per-second or both, above 0');
    }
    const demand = demandOf(options);
    const plan = planFor(demand, MEASURED);
    if (json) console.log(JSON.stringify({ demand, plan, measured: { ...SOURCE, costs: MEASURED } }));
    else console.log(planTable(plan, demand).join('\n'));
  });
}

function demandOf({ polls, wait, predictMs, inputBytes, ...rest }: CapacityOptions): Demand {
  return { ...rest, predictMs, inputBytes, results: wait ? 'wait' : { polls } };
}
