import { v7 as uuidv7 } from 'uuid';
import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { type ClaimRequest, JobLeases } from '../../../shared/jobs/job-leases.js';
import { JobIntake } from '../../../shared/jobs/job-intake.js';
import type { NewJob } from '../../../shared/jobs/new-job.js';
import { JobStore } from '../../../shared/jobs/job-store.js';
import { readRecord } from '../../../shared/jobs/record.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { SweepStore } from '../../../shared/jobs/sweep-store.js';
import type { Redis } from '../../../shared/redis/redis.js';
import { type TestRedis, testPrefix } from '../redis.js';
import { type RigOptions, useRig } from './use-rig.js';

/** Every side of the job record under a private key prefix. */
export interface JobRig {
  server: TestRedis;
  keyPrefix: string;
  redis: Redis;
  records: RecordScripts;
  intake: JobIntake;
  store: JobStore;
  leases: JobLeases;
  sweep: SweepStore;
  /** Creates a job and has a worker called. */
  submit(changes?: Partial<NewJob>): Promise<string>;
  /** Takes every call out of Bee-Queue, as if they had been lost. */
  loseCalls(queue?: string): Promise<void>;
  /** Claims what waits first; every call is a claim of its own. */
  claim(most: number, leaseMs?: number, changes?: Partial<ClaimRequest>): Promise<ClaimedJob[]>;
  /** Claims these jobs, wherever they wait. */
  claimIds(ids: readonly string[], leaseMs?: number): Promise<ClaimedJob[]>;
  close(): Promise<void>;
}

export const QUEUE = 'trips';
const LEASE_MS = 15_000;

/** A valid new job, with what a test wants different. */
export const newJob = (changes: Partial<NewJob> = {}): NewJob => ({
  id: uuidv7(),
  model: QUEUE,
  owner: '',
  input: { x: 1 },
  timeoutMs: 60_000,
  maxAttempts: 3,
  resultTtlMs: 60_000,
  queueTtlMs: 60_000,
  ...changes,
});

/** A claim that no other worker made. */
export const newClaim = (changes: Partial<ClaimRequest> = {}): ClaimRequest => ({
  queue: QUEUE,
  claimer: uuidv7(),
  number: 1,
  most: 64,
  isBeside: false,
  ...changes,
});

/** See {@link JobRig.claimIds}. What else it finds goes back at once. */
export const claimer =
  (records: RecordScripts, leases: JobLeases): JobRig['claimIds'] =>
  async (ids, leaseMs = LEASE_MS) => {
    const [first = ''] = ids;
    const text = String(await records.redis.command(['GET', records.key(`job:${first}`)]));
    const { model, rows } = readRecord(first, text);
    const queue = rows !== undefined ? `${model}.chunks` : model;
    const { jobs } = await leases.claim(newClaim({ queue, most: 1_000 }), leaseMs);
    const others = jobs.filter(({ id }) => !ids.includes(id));
    if (others.length > 0) await leases.release(others);
    return ids.map((id) => {
      const job = jobs.find((claimed) => claimed.id === id);
      if (!job) throw new Error(`job ${id} cannot be claimed`);
      return job;
    });
  };

export async function openJobRig(server: TestRedis): Promise<JobRig> {
  const keyPrefix = testPrefix();
  const redis = await server.client();
  const records = new RecordScripts(redis, keyPrefix);
  const intake = new JobIntake(records);
  const store = new JobStore(records);
  const leases = new JobLeases(records);
  return {
    server,
    keyPrefix,
    redis,
    records,
    intake,
    store,
    leases,
    sweep: new SweepStore(records),
    async submit(changes) {
      const job = newJob(changes);
      const created = await intake.create(job, 1_000);
      if (created.kind !== 'created') throw new Error(`not created: ${created.kind}`);
      return job.id;
    },
    async loseCalls(queue = QUEUE) {
      const keys = ['jobs', 'waiting', 'active', 'stalling'];
      await redis.command(['DEL', ...keys.map((key) => records.key(`bq:${queue}:${key}`))]);
    },
    async claim(most, leaseMs = LEASE_MS, changes = {}) {
      return (await leases.claim(newClaim({ most, ...changes }), leaseMs)).jobs;
    },
    claimIds: claimer(records, leases),
    close: async () => undefined,
  };
}

/** A {@link JobRig} for each test. */
export const useJobRig = (options: RigOptions = {}): JobRig =>
  useRig(openJobRig, { ...options, shared: false });
