import type { WaggleClient } from '../../shared/client/client.js';
import { ProblemError } from '../../shared/client/errors.js';
import type { JobBody } from '../../shared/contract/job.js';
import { pause } from '../../shared/process/pause.js';
import { persist } from '../../shared/client/retry.js';
import { until } from '../support/latch.js';
import type { Order } from './orders.js';

/** No answer may take longer, whatever is broken. */
const HANG_MS = 20_000;
/** All faults together are over by then. */
const OUTAGE_MS = 120_000;

/** Calls one API, and the other when that one does not answer, for as long as a fault may last. */
export class Callers {
  readonly #clients: readonly WaggleClient[];
  #turn = 0;

  constructor(clients: readonly WaggleClient[]) {
    this.#clients = clients;
  }

  call<T>(work: (client: WaggleClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    return persist(
      () => {
        const client = this.#clients[(this.#turn += 1) % this.#clients.length];
        if (!client) throw new Error('there is no API to call');
        return work(client, AbortSignal.timeout(HANG_MS));
      },
      { outageMs: OUTAGE_MS },
    );
  }

  /** Submits one job, or several in one request, under one Idempotency-Key. Resolves to the id of each. */
  submit(orders: readonly Order[]): Promise<string[]> {
    const requests = orders.map(({ key, input, maxAttempts, timeoutMs }) => ({
      input,
      request_id: key,
      max_attempts: maxAttempts,
      timeout_ms: timeoutMs,
    }));
    const [first, ...others] = requests;
    if (!first) return Promise.resolve([]);
    return this.call(async (client, signal) => {
      const options = { signal, idempotencyKey: `${first.request_id}-${orders.length}` };
      const jobs =
        others.length === 0
          ? [await client.submit(first, options)]
          : await client.submitMany(requests, options);
      return jobs.map((job) => {
        if (job instanceof ProblemError) throw job;
        return job.id;
      });
    });
  }

  /** Undefined when there is no such job. */
  find(id: string): Promise<JobBody | undefined> {
    return this.call((client, signal) => client.get(id, { signal })).catch((error: unknown) => {
      if (error instanceof ProblemError && [404, 410].includes(error.problem.status)) return undefined;
      throw error;
    });
  }

  /** Cancels a job; a job that has ended meanwhile is no error. */
  async cancel(id: string): Promise<void> {
    await this.call((client, signal) => client.cancel(id, { signal })).catch((error: unknown) => {
      if (!(error instanceof ProblemError && error.problem.status === 409)) throw error;
    });
  }

  /** Number of jobs of a request id. A partition that failed a moment ago counts as away for a second. */
  async countOf(requestId: string): Promise<number> {
    const all = async () => {
      const page = await this.call((client, signal) => client.list({ requestId }, { signal }));
      return page.missing_partitions === undefined && page;
    };
    return (await until(all, { timeoutMs: OUTAGE_MS, what: 'a list of all partitions' })).jobs.length;
  }
}

/** Does something with every item, `atATime` at once. */
export async function eachOf<T>(
  items: Iterable<T>,
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const one = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atATime }, one));
}

/** Asks again until no item is left or the time is over; resolves to the items that are left. */
export async function untilNone<T>(
  items: Set<T>,
  withinMs: number,
  look: (item: T) => Promise<boolean>,
): Promise<Set<T>> {
  const untilMs = Date.now() + withinMs;
  while (items.size > 0 && Date.now() < untilMs) {
    await eachOf([...items], 32, async (item) => {
      if (await look(item)) items.delete(item);
    });
    if (items.size > 0) await pause(200);
  }
  return items;
}
