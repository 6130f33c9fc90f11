import { readFileSync } from 'node:fs';

/** The largest resident memory of a process since its start, in MB; undefined where the system does not keep it, as only Linux does. */
export function highWaterMb(pid: number): number | undefined {
  try {
    const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}
