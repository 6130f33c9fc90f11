import { execFileSync } from 'node:child_process';
import { highWaterMb } from '../../lib/memory.js';

/** Names of processes in a report, each with the pattern of its command line. */
export type ProcessKinds = Readonly<Record<string, RegExp>>;

/** A process that runs now. */
interface RunningProcess {
  pid: number;
  parent: number;
  /** Resident now, in MB. */
  mb: number;
  command: string;
}

/** Sums a value of each process below and including some processes, by kind; processes of no kind are left out. */
export function sumBelow(
  pids: readonly number[],
  kinds: ProcessKinds,
  valueOf: (process: RunningProcess) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of withBelow(pids)) {
    // Redis runs below a shell that names it.
    if (one.command.startsWith('sh ')) continue;
    const kind = Object.keys(kinds).find((name) => kinds[name]?.test(one.command));
    if (kind !== undefined) sums[kind] = (sums[kind] ?? 0) + valueOf(one);
  }
  return sums;
}

/** Some processes, each with everything below it. */
export function withBelow(pids: readonly number[]): RunningProcess[] {
  const all = processes();
  const below = (parent: number): RunningProcess[] =>
    all.flatMap((one) => (one.parent === parent ? [one].concat(below(one.pid)) : []));
  return pids.flatMap((pid) => all.filter((found) => found.pid === pid).concat(below(pid)));
}

/**
 * The largest resident memory since their start, in MB, of everything below and including some processes, by kind. A
 * system that does not keep it, any but Linux, tells the memory of this moment.
 */
export const peakMb = (pids: readonly number[], kinds: ProcessKinds): Record<string, number> =>
  sumBelow(pids, kinds, ({ pid, mb }) => highWaterMb(pid) ?? mb);

function processes(): RunningProcess[] {
  return execFileSync('ps', ['-axo', 'pid=,ppid=,rss=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), mb: Number(rss) / 1024, command }];
    });
}
