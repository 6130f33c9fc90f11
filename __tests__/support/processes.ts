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
  return existsSync('/proc/self/stat') ? parentOf(String(pid)) !== undefined : isAmongAll(pid);
};

const isAmongAll = (pid: number): boolean => listProcesses().some((entry) => entry.pid === pid);

/** Every process below this one. */
export function descendantsOf(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const found = all.filter((entry) => entry.parent === pid);
  // The list grows while it is walked: children, then theirs.
  for (const { pid: parent } of found) found.push(...all.filter((entry) => entry.parent === parent));
  return found;
}

function fromProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    return parent === undefined
      ? []
      : [
          {
            pid: Number(name),
            parent,
            command: (readProc(name, 'cmdline') ?? '').replaceAll('\0', ' ').trim(),
          },
        ];
  });
}

/** The parent of a process that runs. The name before it, in parentheses, may hold anything. */
function parentOf(pid: string): number | undefined {
  const [, state, parent] = /\) (\w) (\d+)/.exec(readProc(pid, 'stat') ?? '') ?? [];
  return state === undefined || state === 'Z' ? undefined : Number(parent);
}

/** Undefined when the process has gone meanwhile. */
function readProc(pid: string, file: 'stat' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
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
