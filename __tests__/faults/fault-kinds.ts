import { execFileSync } from 'node:child_process';
import { pause } from '../../shared/process/pause.js';
import type { Kept } from './kept.js';
import { LEASE_MS, OTHER_PASSWORD, type Stack } from './stack.js';

/** A kind of fault. */
export interface FaultKind {
  name: string;
  /** Does it and, where it is not over by itself, undoes it. `pick`: which of two. */
  strike(stack: Stack, options: { pick: 0 | 1; freezeMs: number }): Promise<void>;
}

/** Past the lease and Bee-Queue's stall interval, so that another worker has taken over. */
const FROZEN_WORKER_MS = 3 * LEASE_MS;
const SILENCE_MS = LEASE_MS + 1_000;

/** Every kind of fault that the service promises to survive. */
export const FAULT_KINDS: readonly FaultKind[] = [
  { name: 'worker killed', strike: ({ workers }, { pick }) => killOne(workers, pick) },
  {
    name: 'inference process killed',
    strike: (stack, { pick }) => killInference(stack, pick),
  },
  {
    name: 'worker stopped while inference restarts',
    async strike(stack, { pick }) {
      await killInference(stack, pick);
      await stack.workers[pick]?.kill('SIGTERM');
    },
  },
  { name: 'API killed', strike: ({ apis }, { pick }) => killOne(apis, pick) },
  { name: 'Redis killed', strike: ({ redis }) => redis.kill() },
  {
    name: 'Redis frozen',
    async strike(stack, { freezeMs }) {
      await whileStill(stack, () => stack.redis.signal('SIGSTOP'));
      await freeze(stack.redis, freezeMs);
    },
  },
  { name: 'scripts forgotten', strike: (stack) => stack.redisCommand('SCRIPT', 'FLUSH') },
  { name: 'link cut', strike: async ({ link }) => link.cut() },
  {
    name: 'link silent',
    async strike({ link }) {
      link.silenceAll();
      await pause(SILENCE_MS);
      link.heal();
    },
  },
  {
    name: 'answers lost',
    async strike({ link }) {
      link.deafen();
      await pause(SILENCE_MS);
      link.heal();
    },
  },
  {
    name: 'credentials rotated',
    async strike(stack) {
      await stack.redisCommand('ACL', 'SETUSER', 'default', 'resetpass', `>${OTHER_PASSWORD}`);
      await stack.redisCommand('CLIENT', 'KILL', 'USER', 'default');
      await pause(SILENCE_MS);
      await stack.redisCommand('ACL', 'SETUSER', 'default', 'nopass');
    },
  },
  { name: 'worker frozen', strike: ({ workers }, { pick }) => freeze(workers[pick], FROZEN_WORKER_MS) },
];

/** Does something while no worker moves on, so that it is known which jobs run alone at that moment. */
async function whileStill({ workers, noteAlone }: Stack, act: () => void): Promise<void> {
  for (const worker of workers) worker.signal('SIGSTOP');
  await noteAlone();
  act();
  for (const worker of workers) worker.signal('SIGCONT');
}

const killInference = (stack: Stack, pick: number): Promise<void> =>
  whileStill(stack, () => killChildren(stack.workers[pick]?.pid ?? 0));

async function killOne(kept: readonly Kept[], pick: number): Promise<void> {
  await kept[pick]?.kill();
}

/** Stops a process in its tracks, and lets it go on. It may have been killed and replaced meanwhile. */
async function freeze(kept: Kept | undefined, ms: number): Promise<void> {
  kept?.signal('SIGSTOP');
  await pause(ms);
  kept?.signal('SIGCONT');
}

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
