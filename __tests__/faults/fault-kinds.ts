import { execFileSync } from 'node:child_process';
import { pause } from '../../shared/process/pause.js';
import { bringBack, replaced } from '../support/replaceable.js';
import type { Kept } from './kept.js';
import { type OneRedis, OTHER_PASSWORD, startOneRedis } from './one-redis.js';
import { type ReplicatedRedis, startInCluster, startWithSentinels } from './replicated-redis.js';
import { LEASE_MS, type Stack, type StackRedis } from './stack.js';

/** Chance and time of a strike. */
interface Strike {
  /** One of several. */
  pick: <T>(list: readonly T[]) => T | undefined;
  /** How long a Redis is frozen. */
  freezeMs: number;
}

/** A kind of fault. */
export interface FaultKind<R extends StackRedis = StackRedis> {
  name: string;
  /** Does it and, where it is not over by itself, undoes it. */
  strike(stack: Stack<R>, strike: Strike): Promise<void>;
}

/** A Redis to run a stack on, and every kind of fault that the service promises to survive there. */
export interface FaultSetup {
  start: () => Promise<StackRedis>;
  kinds: readonly FaultKind[];
}

/** Past the lease and Bee-Queue's stall interval, so that another worker has taken over. */
const FROZEN_WORKER_MS = 3 * LEASE_MS;
const SILENCE_MS = LEASE_MS + 1_000;

const OF_PROCESSES: readonly FaultKind[] = [
  { name: 'worker killed', strike: async ({ workers }, { pick }) => pick(workers)?.kill() },
  {
    name: 'inference process killed',
    strike: async (stack, { pick }) => killInference(stack, pick(stack.workers)),
  },
  {
    name: 'worker stopped while inference restarts',
    async strike(stack, { pick }) {
      const worker = pick(stack.workers);
      await killInference(stack, worker);
      await worker?.kill('SIGTERM');
    },
  },
  { name: 'API killed', strike: async ({ apis }, { pick }) => pick(apis)?.kill() },
  {
    name: 'worker frozen',
    async strike({ workers }, { pick }) {
      const worker = pick(workers);
      worker?.signal('SIGSTOP');
      await pause(FROZEN_WORKER_MS);
      worker?.signal('SIGCONT');
    },
  },
];

const OF_ONE_REDIS: readonly FaultKind<OneRedis>[] = [
  { name: 'Redis killed', strike: ({ redis }) => redis.server.kill() },
  {
    name: 'Redis frozen',
    async strike(stack, { freezeMs }) {
      const { server } = stack.redis;
      await whileStill(stack, () => server.signal('SIGSTOP'));
      await pause(freezeMs);
      server.signal('SIGCONT');
    },
  },
  { name: 'scripts forgotten', strike: ({ redis }) => redis.command('SCRIPT', 'FLUSH') },
  { name: 'link cut', strike: async ({ redis }) => redis.link.cut() },
  {
    name: 'link silent',
    async strike({ redis: { link } }) {
      link.silenceAll();
      await pause(SILENCE_MS);
      link.heal();
    },
  },
  {
    name: 'answers lost',
    async strike({ redis: { link } }) {
      link.deafen();
      await pause(SILENCE_MS);
      link.heal();
    },
  },
  {
    name: 'credentials rotated',
    async strike({ redis }) {
      await redis.command('ACL', 'SETUSER', 'default', 'resetpass', `>${OTHER_PASSWORD}`);
      await redis.command('CLIENT', 'KILL', 'USER', 'default');
      await pause(SILENCE_MS);
      await redis.command('ACL', 'SETUSER', 'default', 'nopass');
    },
  },
];

/** The whole is in its place again when each of them is over: what has one replica bears one fault at a time. */
const OF_MASTERS: readonly FaultKind<ReplicatedRedis>[] = [
  {
    name: 'master killed',
    async strike(stack, { pick }) {
      const { nodes, tags } = stack.redis;
      const tag = pick(tags);
      const master = await nodes.master(tag);
      await whileStill(stack, () => master.kill());
      await bringBack(nodes, master, tag);
    },
  },
  {
    name: 'master replaced',
    async strike(stack, { pick }) {
      const { nodes, tags } = stack.redis;
      const tag = pick(tags);
      const master = await nodes.master(tag);
      await whileStill(stack, () => nodes.failOver(tag));
      await replaced(nodes, master, tag);
      await nodes.isWhole();
    },
  },
  {
    name: 'master frozen',
    async strike(stack, { pick, freezeMs }) {
      const { nodes, tags } = stack.redis;
      const master = await nodes.master(pick(tags));
      await whileStill(stack, () => master.freeze());
      await pause(freezeMs);
      master.thaw();
      await nodes.isWhole();
    },
  },
];

export const ONE_REDIS: FaultSetup = { start: startOneRedis, kinds: [...OF_PROCESSES, ...OF_ONE_REDIS] };
export const IN_CLUSTER: FaultSetup = { start: startInCluster, kinds: [...OF_PROCESSES, ...OF_MASTERS] };
export const WITH_SENTINELS: FaultSetup = {
  start: startWithSentinels,
  kinds: [...OF_PROCESSES, ...OF_MASTERS],
};

/** Does something while no worker moves on, so that it is known which jobs run alone at that moment. */
async function whileStill({ redis, workers, noteAlone }: Stack, act: () => unknown): Promise<void> {
  await redis.serving();
  for (const worker of workers) worker.signal('SIGSTOP');
  try {
    await noteAlone();
    await act();
  } finally {
    for (const worker of workers) worker.signal('SIGCONT');
  }
}

const killInference = (stack: Stack, worker: Kept | undefined): Promise<void> =>
  whileStill(stack, () => killChildren(worker?.pid ?? 0));

/** A worker's only children are its inference processes. */
function killChildren(parent: number): void {
  const table = execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' });
  for (const line of table.split('\n')) {
    const [pid, of] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || of !== parent) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended by itself.
    }
  }
}

/** Faults of some kinds in an order that a seed repeats: every kind once before any comes again. */
export function* faultsOf(
  kinds: readonly FaultKind[],
  random: { permutation(length: number): Int32Array },
): Generator<FaultKind, never> {
  for (;;) {
    for (const index of random.permutation(kinds.length)) {
      const kind = kinds[index];
      if (kind) yield kind;
    }
  }
}
