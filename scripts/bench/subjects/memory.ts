import { readFileSync } from 'node:fs';
import { type ProcessKinds, processesBelow, sumByKind } from './processes.js';

/**
 * The largest resident memory since their start, in MB, of everything below and including some processes; several of a
 * kind are added up. Where the system does not keep that, outside of Linux, it is the memory of this moment.
 */
export const peakMb = (pids: readonly number[], kinds: ProcessKinds): Record<string, number> =>
  sumByKind(processesBelow(pids, kinds), ({ pid, mb }) => highWaterMb(pid) ?? mb);

function highWaterMb(pid: number): number | undefined {
  try {
    const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}
