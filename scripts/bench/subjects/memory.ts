import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a process is called in a report, by its command line. */
export type ProcessKinds = Readonly<Record<string, RegExp>>;

interface Process {
  pid: number;
  parent: number;
  /** Resident now, in MB. */
  mb: number;
  command: string;
}

/**
 * The largest resident memory since their start, in MB, of everything below and including some processes; several of a
 * kind are added up. Where the system does not keep that, outside of Linux, it is the memory of this moment.
 */
export function peakMb(pids: readonly number[], kinds: ProcessKinds): Record<string, number> {
  const all = processes();
  const below = (parent: number): Process[] =>
    all.flatMap((one) => (one.parent === parent ? [one].concat(below(one.pid)) : []));
  const ours = pids.flatMap((pid) => all.filter((one) => one.pid === pid).concat(below(pid)));
  const peaks: Record<string, number> = {};
  for (const one of ours) {
    // Redis runs below a shell that names it.
    if (one.command.startsWith('sh ')) continue;
    const kind = Object.keys(kinds).find((name) => kinds[name]?.test(one.command));
    if (kind !== undefined) peaks[kind] = (peaks[kind] ?? 0) + (highWaterMb(one.pid) ?? one.mb);
  }
  return peaks;
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

function highWaterMb(pid: number): number | undefined {
  try {
    const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}
