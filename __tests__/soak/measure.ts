import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { Redis } from '../../shared/redis/redis.js';
import type { Kept } from '../faults/kept.js';
import type { Stack } from '../faults/stack.js';

/** Sizes at one moment. */
export interface Sizes {
  /** Heap in use after a garbage collection, by process, in bytes. */
  heapBytes: Record<string, number>;
  /** Open files and sockets, by process. */
  handles: Record<string, number>;
  redisBytes: number;
  redisKeys: number;
}

/** Measures every API and worker process of the stack, and its Redis. */
export async function measure(stack: Stack, redis: Redis): Promise<Sizes> {
  const processes = [...stack.apis, ...stack.workers];
  const heaps = await Promise.all(processes.map(async (kept) => [kept.name, await heapOf(kept)] as const));
  const info = String(await redis.command(['INFO', 'memory']));
  return {
    heapBytes: Object.fromEntries(heaps),
    handles: Object.fromEntries(processes.map((kept) => [kept.name, handlesOf(kept.pid)])),
    redisBytes: Number(/used_memory:(\d+)/.exec(info)?.[1]),
    redisKeys: Number(await redis.command(['DBSIZE'])),
  };
}

function heapOf({ child, name }: Kept): Promise<number> {
  return new Promise((resolve, reject) => {
    if (!child) {
      reject(new Error(`${name} does not run`));
      return;
    }
    const onMessage = (message: unknown): void => {
      if (typeof message !== 'object' || message === null || !('heapBytes' in message)) return;
      child.off('message', onMessage);
      resolve(Number(message.heapBytes));
    };
    child.on('message', onMessage);
    ask(child);
  });
}

const ask = (child: ChildProcess): void => void child.send({ type: 'measure' });

/** Linux only: elsewhere there is no list of them to count, and 0 stands for it. */
function handlesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
