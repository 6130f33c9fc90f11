import { execFileSync } from 'node:child_process';

/** Names of processes in a report, by their command lines. */
export type ProcessKinds = Readonly<Record<string, RegExp>>;

/** A process that runs now. */
export interface RunningProcess {
  /** Which of the kinds it is. */
  kind: string;
  pid: number;
  /** Resident now, in MB. */
  mb: number;
}

interface Process {
  pid: number;
  parent: number;
  mb: number;
  command: string;
}

/** Everything below and including some processes that is of one of the kinds. */
export function processesBelow(pids: readonly number[], kinds: ProcessKinds): RunningProcess[] {
  const all = processes();
  const below = (parent: number): Process[] =>
    all.flatMap((one) => (one.parent === parent ? [one].concat(below(one.pid)) : []));
  const ours = pids.flatMap((pid) => all.filter((one) => one.pid === pid).concat(below(pid)));
  return ours.flatMap(({ pid, mb, command }) => {
    // Redis runs below a shell that names it.
    if (command.startsWith('sh ')) return [];
    const kind = Object.keys(kinds).find((name) => kinds[name]?.test(command));
    return kind === undefined ? [] : [{ kind, pid, mb }];
  });
}

/** Sums of a number of each process, by kind. */
export function sumByKind(
  found: readonly RunningProcess[],
  valueOf: (one: RunningProcess) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of found) sums[one.kind] = (sums[one.kind] ?? 0) + valueOf(one);
  return sums;
}

function processes(): Process[] {
  return execFileSync('ps', ['-axo', 'pid=,ppid=,rss=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), mb: Number(rss) / 1024, command }];
    });
}
