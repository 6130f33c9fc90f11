import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import type { ReleaseStack } from '../../shared/process/release-stack.js';
import type { Partition } from '../../shared/records/open-partitions.js';
import { LeaseKeeper } from '../jobs/lease-keeper.js';
import { IdleLook } from './idle-look.js';

/** A partition with the stores that a worker takes jobs by and settles them with. */
export interface WorkerPartition {
  /** What stands before the keys of its queues. */
  prefix: string;
  leases: JobLeases;
  chunks: ChunkLeases;
  keeper: LeaseKeeper;
  look: IdleLook;
}

/** Opens what a worker needs of a partition; `release` closes it. */
export async function openWorkerPartition(
  { records, subscriber }: Partition,
  { leaseMs, maxResultBytes }: { leaseMs: number; maxResultBytes: number },
  { release, log }: { release: ReleaseStack; log: Logger },
): Promise<WorkerPartition> {
  const leases = new JobLeases(records, maxResultBytes);
  const look = new IdleLook(leases);
  release.later('looks', () => look.close());
  const keeper = new LeaseKeeper(leases, leaseMs, log);
  release.later('leases', () => keeper.close());
  await subscriber.subscribe(records.key('canceling'), (id) => keeper.cancelRequested(id));
  return { prefix: records.prefix, leases, chunks: new ChunkLeases(records), keeper, look };
}
