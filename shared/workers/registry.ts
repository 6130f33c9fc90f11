import type { ValidateFunction } from 'ajv';
import { type Static, Type } from '../validation/schema.js';
import { createAjv } from '../validation/ajv.js';
import { listOf, type RecordScripts } from '../records/records.js';

const Count = Type.Integer({ minimum: 0 });

/** One model as one worker serves it. */
const WorkerModel = Type.Object({
  name: Type.String(),
  version: Type.String(),
  format: Type.String(),
  engine: Type.String({ description: 'What runs it: gpu, webgpu, node, wasm or onnx.' }),
  device: Type.String({ description: 'The processor behind the engine.' }),
  passedOver: Type.Array(Type.Object({ engine: Type.String(), why: Type.String() }), {
    description: 'The other engines, and why they were not taken.',
  }),
  jobs: Type.Integer({ minimum: 0, description: 'Outcomes written since the worker started.' }),
  batches: Type.Integer({ minimum: 0, description: 'Micro-batches run since the worker started.' }),
  lastBatchSize: Count,
  meanBatchSize: Type.Number({ minimum: 0 }),
});
export type WorkerModel = Static<typeof WorkerModel>;

/** A worker's heartbeat, written every {@link HEARTBEAT_MS}. */
export const WorkerInfo = Type.Object({
  id: Type.String({ minLength: 1 }),
  host: Type.String(),
  pid: Count,
  startedAtMs: Type.Number({ description: "Unix time by the worker's clock." }),
  models: Type.Array(WorkerModel),
  refused: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), reason: Type.String() }), {
      description: 'Packages that it found and cannot serve.',
    }),
  ),
  loading: Type.Optional(Type.Boolean({ description: 'Whether it reads packages at the moment.' })),
});
export type WorkerInfo = Static<typeof WorkerInfo>;

/** A worker that reported lately. */
export type SeenWorker = WorkerInfo & {
  /** Age of its last heartbeat by Redis's clock, in ms. */
  seenMsAgo: number;
};

/** Time between two heartbeats of a worker, and the silence after which it counts as dead, in ms. */
export const HEARTBEAT_MS = 5_000;
const ALIVE_MS = 3 * HEARTBEAT_MS;
/** Age at which the index entry of a silent worker is dropped, in ms: far beyond any clock's error. */
const FORGET_MS = 3_600_000;

/** Reports a worker. Rejects with RedisUnavailableError while Redis is away. */
export async function announceWorker(records: RecordScripts, info: WorkerInfo): Promise<void> {
  const now = Date.now();
  const index = records.key('workers');
  await Promise.all([
    records.redis.command(['SET', workerKey(records, info.id), JSON.stringify(info), 'PX', String(ALIVE_MS)]),
    records.redis.command(['ZADD', index, String(now), info.id]),
    records.redis.command(['ZREMRANGEBYSCORE', index, '-inf', String(now - FORGET_MS)]),
  ]);
}

/** Takes a worker out of the registry, when it leaves in good order. */
export async function withdrawWorker(records: RecordScripts, id: string): Promise<void> {
  await Promise.all([
    records.redis.command(['DEL', workerKey(records, id)]),
    records.redis.command(['ZREM', records.key('workers'), id]),
  ]);
}

/** The workers that reported lately, oldest first. Values that are no heartbeat are left out. */
export async function readWorkers(records: RecordScripts): Promise<SeenWorker[]> {
  const ids = listOf(await records.redis.command(['ZRANGE', records.key('workers'), '0', '-1'])).map(String);
  if (ids.length === 0) return [];
  const keys = ids.map((id) => workerKey(records, id));
  const [reports, ...leftMs] = await Promise.all([
    records.redis.command(['MGET', ...keys]),
    ...keys.map((key) => records.redis.command(['PTTL', key])),
  ]);
  return listOf(reports)
    .flatMap((report, index) => parseReport(report, Number(leftMs[index])))
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1));
}

let isWorkerInfo: ValidateFunction<WorkerInfo> | undefined;

const workerKey = (records: RecordScripts, id: string): string => records.key(`worker:${id}`);

/** `leftMs`: remaining time to live of the heartbeat. */
function parseReport(json: unknown, leftMs: number): SeenWorker[] {
  if (typeof json !== 'string') return [];
  try {
    const value: unknown = JSON.parse(json);
    const seenMsAgo = Math.min(Math.max(0, ALIVE_MS - leftMs), ALIVE_MS);
    isWorkerInfo ??= createAjv().compile<WorkerInfo>(WorkerInfo);
    return isWorkerInfo(value) ? [{ ...value, seenMsAgo }] : [];
  } catch {
    return [];
  }
}
