import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded } from '../../shared/client/bodies.js';
import type { JobBody } from '../../shared/contract/job.js';
import { BalancedClient, type Troubles } from '../support/balanced-client.js';
import { type Fleet, type FleetWorker, startFleet } from '../support/fleet.js';
import { until } from '../support/latch.js';
import { partitionPrefix } from '../../shared/records/records.js';

const CLIENTS = 10;
/** Between two jobs of a client, in ms: what is to start meanwhile needs some of the machine, too. */
const PAUSE_MS = 150;
/** Jobs that have to end after each change before the next one. */
const BETWEEN = 20;
const ROWS = 480;
const CHUNK_ROWS = 12;
/** A row in so many takes its time. */
const SLOW = 8;

/** What the sweeper says of a job whose lease is over. */
const PUT_BACK = 'job put back, its worker is lost';

const orderOf = (i: number) => ({ act: i % SLOW === 0 ? 'slow' : 'answer', value: i % 500 });

let fleet: Fleet;
/** Ends the load. */
const over = new AbortController();
beforeAll(async () => {
  fleet = await startFleet({ CHUNK_ROWS: String(CHUNK_ROWS) });
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

interface CutOff {
  worker: FleetWorker;
  /** The log line about the outcome that the worker reported too late. */
  lateOutcome: Record<string, unknown>;
  /** The job while its second worker runs it, and at its end. */
  meanwhile: JobBody;
  end: JobBody;
}

/**
 * Silences the network of the worker that runs a job, breaks it, and mends it when another worker runs the job. Resolves
 * once the first worker takes jobs again.
 */
async function cutOffOne(caller: Caller, ids: string[]): Promise<CutOff> {
  const { id } = await caller.post<JobBody>('/jobs', { input: { act: 'hold', value: 21 } });
  ids.push(id);
  const worker = await heldUp();
  worker.link.silenceAll();
  const successor = await heldUp(worker);
  worker.link.cut();
  worker.gate.open();
  await until(() => runsOf(worker).some((line) => (line['job_ids'] as string[]).includes(id)));
  const before = runsOf(worker).length;
  worker.link.heal();
  const settled = ({ job_id: of, message }: Record<string, unknown>): boolean =>
    of === id && (message === 'outcome dropped' || message === 'job succeeded');
  const lateOutcome = await until(() => worker.program.log.find(settled));
  const meanwhile = await caller.get<JobBody>(`/jobs/${id}`);
  successor.gate.open();
  const end = await caller.endOf(`/jobs/${id}`);
  await until(() => runsOf(worker).length > before, { what: 'jobs on the worker that was cut off' });
  return { worker, lateOutcome, meanwhile, end };
}

interface Seen {
  troubles: Troubles;
  /** Every job that was submitted, and those of them submitted after all networks were well again. */
  ids: string[];
  undisturbed: Set<string>;
  /** The jobs as their clients saw them end, and every job as lists show it afterwards. */
  jobs: JobBody[];
  listed: Map<string, JobBody>;
  cutOff: CutOff;
  /** The exit codes of the processes that were replaced. */
  codes: unknown[];
  inputs: ReturnType<typeof orderOf>[];
  batch: JobBody;
  results: unknown[];
}

/** Has clients submit jobs all the while, sends a batch, cuts one worker off and replaces all other processes. */
async function replaceUnderLoad(): Promise<Seen> {
  const troubles: Troubles = { draining: 0, refused: 0, closed: [], others: [] };
  const jobs: JobBody[] = [];
  const ids: string[] = [];
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
  for (const worker of fleet.workers.filter((one) => one !== cutOff.worker)) {
    codes.push(await fleet.replaceWorker(worker));
    await moreEnd();
  }
  over.abort();
  await load;
  const batch = await caller.endOf(`/batches/${batchId}`);
  const listed = await everyJob(caller);
  caller.close();
  return {
    troubles,
    ids,
    undisturbed,
    jobs,
    listed,
    cutOff,
    codes,
    inputs,
    batch,
    results: await resultsOf(batchId),
  };
}

async function resultsOf(batchId: string): Promise<unknown[]> {
  const [{ host, port } = { host: '', port: 0 }] = fleet.servers;
  const lines = await (await fetch(`http://${host}:${port}/batches/${batchId}/results`)).text();
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('two APIs and three workers, one worker cut off and all other processes replaced under load', () => {
  let seen: Seen;
  beforeAll(async () => {
    seen = await replaceUnderLoad();
  });

  it('end with 0 when they are told to stop', () => expect(seen.codes).toEqual([0, 0, 0, 0]));

  it('turn clients away, but answer every request that was read', () => {
    const { troubles } = seen;
    expect(troubles.others).toEqual([]);
    const read = new Set(fleet.apiLog().map((line) => line['request_id']));
    expect(troubles.closed.filter((id) => read.has(id))).toEqual([]);
    // Otherwise no client had anything to do with the APIs that were replaced.
    expect(troubles.draining).toBeGreaterThan(0);
  });

  it('run a job anew whose worker is cut off, and drop the outcome that comes too late', () => {
    const { lateOutcome, meanwhile, end } = seen.cutOff;
    expect(lateOutcome).toMatchObject({ outcome: 'stale' });
    expect(meanwhile.status).toBe('running');
    // The loss of the first worker counts only where that worker had claimed no other job with it.
    expect([1, 2]).toContain(meanwhile.attempts);
    expect(end).toMatchObject({ status: 'succeeded', attempts: meanwhile.attempts });
  });

  it('lose and double no job', async () => {
    const { ids, listed } = seen;
    expect(new Set(ids).size).toBe(ids.length);
    expect(listed.size).toBe(ids.length);
    const redis = await fleet.redis.connect();
    const key = (name: string): string => partitionPrefix(fleet.keyPrefix) + name;
    const count = String(ids.length);
    const counted = ['HMGET', key('counts'), 'faulty:submitted', 'faulty:succeeded'];
    expect(await redis.command(counted)).toEqual([count, count]);
    expect(await redis.command(['HLEN', key('counts')])).toBe(2);
  });

  it('give each job its own answer, which never changes', () => {
    const { jobs, listed } = seen;
    expect(jobs.map(({ id }) => listed.get(id))).toEqual(jobs);
    const doubled = jobs.map(({ result }) => result?.['doubled']);
    expect(doubled).toEqual(jobs.map(({ input }) => 2 * Number(input?.['value'])));
  });

  it('count no attempt for a process that is replaced', () => {
    const { jobs, undisturbed } = seen;
    expect(undisturbed.size).toBeGreaterThan(3 * BETWEEN);
    // A process that this machine holds up for a whole lease does cost an attempt.
    const putBack = new Set(
      fleet.apiLog().flatMap(({ message, job_id: id }) => (message === PUT_BACK ? [id] : [])),
    );
    const late = jobs.filter(({ id }) => undisturbed.has(id) && !putBack.has(id));
    expect(late.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  });

  it('announce the end of each job, of the batch and of its chunks, once', () => {
    const chunks = Array.from(
      { length: Math.ceil(seen.inputs.length / CHUNK_ROWS) },
      (_, chunk) => `${seen.batch.id}:${chunk}`,
    );
    expect(fleet.endings).toEqual(new Map([...seen.ids, seen.batch.id, ...chunks].map((id) => [id, 1])));
  });

  it('answer every row of the batch, in its order', () => {
    expect(seen.batch).toMatchObject({
      status: 'succeeded',
      rows: { total: ROWS, succeeded: ROWS, failed: 0, invalid: 0 },
    });
    expect(seen.results).toEqual(seen.inputs.map(({ value }, row) => ({ row, doubled: 2 * value })));
  });
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
