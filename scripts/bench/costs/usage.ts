import type { Redis } from '../../../shared/redis/redis.js';
import { type Cost, costOf } from '../../capacity/costs.js';
import { PROCESS_KINDS } from '../service.js';
import type { BenchWorker } from '../subjects/waggle-and-workers.js';
import { cpuUs } from '../subjects/cpu.js';
import { redisInfo } from '../subjects/redis-info.js';

/** Resources used up to a moment, and the memory of Redis at that moment. */
export interface Usage {
  used: Cost;
  /** Memory of Redis without the buffers of its connections, in bytes. */
  keptBytes: number;
}

/** Whose CPU time counts: API processes below the service; of workers the given one alone. */
export interface Measured {
  service: { pid: number };
  worker: BenchWorker | undefined;
}

/** Reads what was used so far. */
export async function usageNow(redis: Redis, { service, worker }: Measured): Promise<Usage> {
  const api = cpuUs([service.pid], PROCESS_KINDS);
  const run = worker === undefined ? {} : cpuUs([worker.pid], PROCESS_KINDS);
  const info = await redisInfo(redis);
  return {
    used: {
      apiUs: api['api'] ?? 0,
      workerUs: run['worker'] ?? 0,
      inferenceUs: run['inference'] ?? 0,
      redisUs: 1e6 * (info('used_cpu_user_main_thread') + info('used_cpu_sys_main_thread')),
      redisCommands: info('total_commands_processed'),
      networkBytes: info('total_net_input_bytes') + info('total_net_output_bytes'),
      appendedBytes: info('aof_current_size'),
    },
    keptBytes: info('used_memory') - info('mem_clients_normal') - info('mem_aof_buffer'),
  };
}

/** Resources used between two moments, divided by `count`. */
export const costBetween = (before: Usage, after: Usage, count: number): Cost =>
  costOf((member) => (after.used[member] - before.used[member]) / count);

/** Growth of Redis' memory between two moments, divided by `count`, in bytes. */
export const keptBetween = (before: Usage, after: Usage, count: number): number =>
  (after.keptBytes - before.keptBytes) / count;
