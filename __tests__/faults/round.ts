import { isEnded } from '../../shared/client/bodies.js';
import type { JobBody } from '../../shared/contract/job.js';
import { pause } from '../../shared/process/pause.js';
import { checkBatch } from './batch-check.js';
import { type Callers, eachOf, untilNone } from './callers.js';
import type { FaultKind } from './fault-kinds.js';
import { faultOf, isCharged, makeOrders, type Order, requestsOf } from './orders.js';
import type { Stack } from './stack.js';

/** Counts and faults of the accepted jobs. */
export interface Tally {
  accepted: number;
  ended: number;
  /** Jobs that did not end, or are not there. */
  lost: string[];
  /** Jobs whose outcome changed, and keys of which there are two jobs. */
  doubled: string[];
  /** Jobs that ended as they should not, or with a wrong value. */
  wrong: string[];
  /** Jobs that lost an attempt without fault, and rows of a chunk that did. */
  charged: string[];
  /** Rows of batches, of which each was looked at. */
  rows: number;
  /** The outcome of each job that has ended, by its id. */
  outcomes: Map<string, string>;
}

export const emptyTally = (): Tally => ({
  accepted: 0,
  ended: 0,
  lost: [],
  doubled: [],
  wrong: [],
  charged: [],
  rows: 0,
  outcomes: new Map(),
});

/** Jobs and faults of one round. */
export interface RoundOptions {
  name: string;
  jobs: number;
  /** Rows of the batch. */
  rows: number;
  faults: readonly FaultKind[];
  random: { uniform(): number };
  /** Time for which Redis is frozen. */
  freezeMs: number;
  onFault: (name: string) => void;
}

/** The jobs of one request, and their ids. */
interface Accepted {
  orders: readonly Order[];
  ids: readonly string[];
}

const AT_A_TIME = 48;
/** From the last fault until every job has ended. */
const END_MS = 120_000;

/**
 * Submits jobs and a batch while things go wrong, then looks at every one of them. Jobs come in as many bursts as there
 * are faults, so that each fault strikes with some waiting, some running and some on their way in.
 */
export async function runRound(stack: Stack, callers: Callers, options: RoundOptions): Promise<Tally> {
  const { name, jobs, rows: batchRows, faults, random, freezeMs, onFault } = options;
  const orders = makeOrders(name, jobs);
  const accepted: Accepted[] = [];
  const bursts: Promise<void>[] = [];
  const size = Math.ceil(orders.length / faults.length);
  const batch = checkBatch(callers, name, batchRows);
  for (const [index, fault] of faults.entries()) {
    const burst = orders.slice(index * size, (index + 1) * size);
    bursts.push(
      eachOf(
        requestsOf(burst),
        AT_A_TIME,
        async (request) => void accepted.push(await accept(callers, request)),
      ),
    );
    await pause(100 + 400 * random.uniform());
    onFault(fault.name);
    await fault.strike(stack, {
      pick: (list) => list[Math.floor(list.length * random.uniform())],
      freezeMs,
    });
    await pause(100 + 400 * random.uniform());
  }
  await Promise.all(bursts);
  await stack.serving();
  const tally = await inspect(stack, callers, accepted);
  const { rows, wrong, charged } = await batch;
  tally.rows = rows;
  tally.wrong.push(...wrong);
  tally.charged.push(...charged);
  return tally;
}

async function accept(callers: Callers, orders: readonly Order[]): Promise<Accepted> {
  const ids = await callers.submit(orders);
  for (const { order, id } of jobsOf({ orders, ids })) if (order.isCanceled) await callers.cancel(id);
  return { orders, ids };
}

const jobsOf = ({ orders, ids }: Accepted): { order: Order; id: string }[] =>
  orders.map((order, index) => ({ order, id: ids[index] ?? '' }));

/** Waits for every job to end; then submits it once more, reads it once more, and counts the jobs of its request id. */
async function inspect(
  { wereAlone }: Stack,
  callers: Callers,
  accepted: readonly Accepted[],
): Promise<Tally> {
  const jobs = accepted.flatMap(jobsOf);
  const tally = { ...emptyTally(), accepted: jobs.length };
  const { outcomes } = tally;
  const gone = new Set<string>();
  const left = await untilNone(new Set(jobs), END_MS, async ({ order, id }) => {
    const job = await callers.find(id);
    if (!job) gone.add(id);
    if (!job || !isEnded(job)) return !job;
    outcomes.set(id, outcomeOf(job));
    tally.ended += 1;
    const charged = isCharged(order, job);
    if (charged && !wereAlone.has(id)) tally.charged.push(`${id} (${order.input.act}): ${outcomeOf(job)}`);
    const fault = charged && job.status === 'failed' ? undefined : faultOf(order, job);
    if (fault !== undefined) tally.wrong.push(`${id} (${order.input.act}): ${fault}`);
    return true;
  });
  tally.lost.push(...gone, ...[...left].map(({ id }) => id));
  await eachOf(accepted, AT_A_TIME, async ({ orders, ids }) => {
    const again = await callers.submit(orders);
    if (again.join(' ') !== ids.join(' ')) {
      tally.doubled.push(`${orders[0]?.key}: ${ids.join(' ')} and ${again.join(' ')}`);
    }
  });
  await eachOf(jobs, AT_A_TIME, async ({ order, id }) => {
    const job = await callers.find(id);
    const before = outcomes.get(id);
    if (before === undefined) return;
    if (!job) tally.lost.push(id);
    else if (outcomeOf(job) !== before) tally.doubled.push(`${id}: ${outcomeOf(job)} after ${before}`);
    const count = await callers.countOf(order.key);
    if (count !== 1) tally.doubled.push(`${order.key}: ${count} jobs`);
  });
  return tally;
}

/** All that must never change once a job has ended. */
const outcomeOf = ({ status, result, error, attempts, finished_at }: JobBody): string =>
  JSON.stringify({ status, result, error, attempts, finished_at });

/** Reads every job of all rounds once more: nothing that has ended may have changed since. */
export async function lookAgain(callers: Callers, tally: Tally): Promise<void> {
  await eachOf(tally.outcomes, AT_A_TIME, async ([id, before]) => {
    const job = await callers.find(id);
    if (!job) tally.lost.push(id);
    else if (outcomeOf(job) !== before) tally.doubled.push(`${id}: ${outcomeOf(job)} after ${before}`);
  });
}
