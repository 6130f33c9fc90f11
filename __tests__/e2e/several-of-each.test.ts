import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded } from '../../shared/client/bodies.js';
import type { JobBody } from '../../shared/contract/job.js';
import { BalancedClient, type Troubles } from '../support/balanced-client.js';
import { type Fleet, type FleetWorker, startFleet } from '../support/fleet.js';
import { until } from '../support/latch.js';

const CLIENTS = 10;
/** Between two jobs of a client, in ms: what is to start meanwhile needs some of the machine, too. */
const PAUSE_MS = 150;
/** Jobs that have to end after each change before the next one. */
const BETWEEN = 20;
const ROWS = 480;
/** A row in so many takes its time. */
const SLOW = 8;

/** What the sweeper says of a job whose lease is over. */
const PUT_BACK = 'job put back, its worker is lost';

const orderOf = (i: number) => ({ act: i % SLOW === 0 ? 'slow' : 'answer', value: i % 500 });

let fleet: Fleet;
/** Ends the load. */
const over = new AbortController();
beforeAll(async () => {
  fleet = await startFleet({ CHUNK_ROWS: '12' });
});
afterAll(() => {
  over.abort();
  return fleet.close();
});

/** Calls of one client, and the jobs that it was told of. */
class Caller {
  readonly #http: BalancedClient;

  constructor(first: number, troubles: Troubles) {
    this.#http = new BalancedClient(fleet.servers, first, troubles);
  }

  async post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    const all = { 'idempotency-key': randomUUID(), ...headers };
    return (await this.#http.send({ method: 'POST', path, headers: all, body })).body as T;
  }

  async get<T>(path: string, headers: Record<string, string> = {}): Promise<T> {
    return (await this.#http.send({ method: 'GET', path, headers })).body as T;
  }

  /** Polls until it has ended. An API that drains does not wait with its answers. */
  endOf(path: string): Promise<JobBody> {
    return until(
      async () => {
        const job = await this.get<JobBody>(path, { prefer: 'wait=1' });
        return isEnded(job) && job;
      },
      { timeoutMs: 60_000, what: `the end of ${path}` },
    );
  }

  close(): void {
    this.#http.close();
  }
}

const runsOf = ({ program }: FleetWorker): Record<string, unknown>[] =>
  program.log.filter(({ message }) => message === 'micro-batch run');
/** A worker that a `hold` row holds up, and not the one that is named. */
const heldUp = (other?: FleetWorker): Promise<FleetWorker> =>
  until(() => fleet.workers.find((worker) => worker !== other && worker.gate.isHeld()), {
    timeoutMs: 20_000,
    what: 'a worker that is held up',
  });

/**
 * The network of the worker that has this job falls silent, then breaks, and is mended when another one runs the job: what
 * the first makes of it must not count. Resolves to the first worker, once it takes jobs again.
 */
async function cutOffOne(caller: Caller, ids: string[]): Promise<FleetWorker> {
  const { id } = await caller.post<JobBody>('/jobs', { input: { act: 'hold', value: 21 } });
  ids.push(id);
  const cutOff = await heldUp();
  cutOff.link.silenceAll();
  const successor = await heldUp(cutOff);
  cutOff.link.cut();
  cutOff.gate.open();
  await until(() => runsOf(cutOff).some((line) => (line['job_ids'] as string[]).includes(id)));
  const before = runsOf(cutOff).length;
  cutOff.link.heal();
  const settled = ({ job_id: of, message }: Record<string, unknown>): boolean =>
    of === id && (message === 'outcome dropped' || message === 'job succeeded');
  expect(await until(() => cutOff.program.log.find(settled))).toMatchObject({ outcome: 'stale' });
  const { status, attempts } = await caller.get<JobBody>(`/jobs/${id}`);
  expect(status).toBe('running');
  // The loss of the first worker counts only where that one had claimed nothing else with it.
  expect([1, 2]).toContain(attempts);
  successor.gate.open();
  expect(await caller.endOf(`/jobs/${id}`)).toMatchObject({ status: 'succeeded', attempts });
  await until(() => runsOf(cutOff).length > before, { what: 'jobs on the worker that was cut off' });
  return cutOff;
}

it('loses and doubles nothing on two APIs and three workers, one cut off and all others replaced', async () => {
  const troubles: Troubles = { draining: 0, refused: 0, closed: [], others: [] };
  const jobs: JobBody[] = [];
  const ids: string[] = [];
  /** Those submitted after all networks were well again. */
  const undisturbed = new Set<string>();
  let isWell = false;
  const client = async (which: number): Promise<void> => {
    const caller = new Caller(which, troubles);
    while (!over.signal.aborted) {
      const wasWell = isWell;
      // Half of them wait with the submission, half of them poll.
      const prefer = which % 4 < 2 ? { prefer: 'wait=20' } : undefined;
      const { id } = await caller.post<JobBody>('/jobs', { input: orderOf(ids.length) }, prefer);
      ids.push(id);
      if (wasWell) undisturbed.add(id);
      jobs.push(await caller.endOf(`/jobs/${id}`));
      await sleep(PAUSE_MS);
    }
    caller.close();
  };
  const load = Promise.all(Array.from({ length: CLIENTS }, (_, which) => client(which)));
  load.catch(() => over.abort());
  const moreEnd = async (): Promise<void> => {
    const { length } = jobs;
    await Promise.race([until(() => jobs.length > length + BETWEEN), load]);
  };
  await moreEnd();

  const caller = new Caller(0, troubles);
  const inputs = Array.from({ length: ROWS }, (_, row) => orderOf(row));
  const { id: batchId } = await caller.post<JobBody>('/batches', { inputs });
  const cutOff = await cutOffOne(caller, ids);
  isWell = true;
  await moreEnd();

  const codes: unknown[] = [];
  for (const index of fleet.servers.keys()) {
    codes.push(await fleet.replaceApi(index));
    await moreEnd();
  }
  for (const worker of fleet.workers.filter((one) => one !== cutOff)) {
    codes.push(await fleet.replaceWorker(worker));
    await moreEnd();
  }
  over.abort();
  await load;
  const batch = await caller.endOf(`/batches/${batchId}`);

  expect(codes).toEqual([0, 0, 0, 0]);
  expect(troubles.others).toEqual([]);
  const read = new Set(fleet.apiLog().map((line) => line['request_id']));
  expect(troubles.closed.filter((id) => read.has(id))).toEqual([]);
  // Without these nothing was replaced under anybody's feet.
  expect(troubles.draining).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
  expect(undisturbed.size).toBeGreaterThan(3 * BETWEEN);
  const found = await everyJob(caller);
  expect(found.size).toBe(ids.length);
  // What was seen of an outcome has not changed since.
  expect(jobs.map(({ id }) => found.get(id))).toEqual(jobs);
  const doubled = jobs.map(({ result }) => result?.['doubled']);
  expect(doubled).toEqual(jobs.map(({ input }) => 2 * Number(input['value'])));
  // A restart costs no attempt; a process that this machine holds up for a whole lease does.
  const putBack = new Set(
    fleet.apiLog().flatMap(({ message, job_id: id }) => (message === PUT_BACK ? [id] : [])),
  );
  const late = jobs.filter(({ id }) => undisturbed.has(id) && !putBack.has(id));
  expect(late.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  const redis = await fleet.redis.connect();
  const key = (name: string): string => `${fleet.keyPrefix}waggle:${name}`;
  const count = String(ids.length);
  const counted = ['HMGET', key('counts'), 'faulty:submitted', 'faulty:succeeded'];
  expect(await redis.command(counted)).toEqual([count, count]);
  expect(await redis.command(['HLEN', key('counts')])).toBe(2);
  // Each was said to have ended, once.
  expect(fleet.endings).toEqual(new Map([...ids, batchId].map((id) => [id, 1])));

  expect(batch).toMatchObject({
    status: 'succeeded',
    rows: { total: ROWS, succeeded: ROWS, failed: 0, invalid: 0 },
  });
  const [{ host, port } = { host: '', port: 0 }] = fleet.servers;
  const results = await (await fetch(`http://${host}:${port}/batches/${batchId}/results`)).text();
  expect(
    results
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(inputs.map(({ value }, row) => ({ row, doubled: 2 * value })));
  caller.close();
});

/** Every job that there is, by id. */
async function everyJob(caller: Caller): Promise<Map<string, JobBody>> {
  const found = new Map<string, JobBody>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { jobs: JobBody[]; next_cursor: string | null } = await caller.get(
      `/jobs?limit=200${cursor && `&cursor=${cursor}`}`,
    );
    for (const job of page.jobs) found.set(job.id, job);
    cursor = page.next_cursor;
  }
  return found;
}
