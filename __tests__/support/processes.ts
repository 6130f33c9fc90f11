import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process of this machine. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  /** Its command line. */
  command: string;
}

/** Every process that runs; one that has ended and waits for its parent to notice does not. */
export function listProcesses(): ProcessEntry[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

/** Whether a process runs. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return listProcesses().some((entry) => entry.pid === pid);
};

/** Every process below this one. */
export function descendantsOf(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const found = all.filter((entry) => entry.parent === pid);
  // The list grows while it is walked: children, then theirs.
  for (const { pid: parent } of found) found.push(...all.filter((entry) => entry.parent === parent));
  return found;
}

function fromProc(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name, in parentheses, may hold anything; what follows it is fixed: state, parent.
        const [, state, parent] = /\) (\w) (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return [];
      }
    });
}

function fromPs(): ProcessEntry[] {
  return execFileSync('ps', ['-axo', 'pid=,ppid=,state=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined || state?.startsWith('Z')
        ? []
        : [{ pid: Number(pid), parent: Number(parent), command }];
    });
}
