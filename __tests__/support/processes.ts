import { readdirSync, readFileSync } from 'node:fs';

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return statusOf(pid) !== 'Z';
}

/** The letter that Linux shows for a process, such as R or Z; undefined where there is no /proc. */
function statusOf(pid: number): string | undefined {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Every process below this one, by /proc; an empty list where there is none. */
export function descendantsOf(pid: number): number[] {
  const parents = processNumbers().flatMap((child) => {
    try {
      const parent = /\) \w (\d+)/.exec(readFileSync(`/proc/${child}/stat`, 'utf8'))?.[1];
      return [{ child, parent: Number(parent) }];
    } catch {
      return [];
    }
  });
  const childrenOf = (parent: number): number[] =>
    parents.filter((p) => p.parent === parent).map((p) => p.child);
  const below = (parent: number): number[] => childrenOf(parent).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** The command line of a process, its words separated by spaces. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function processNumbers(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}
