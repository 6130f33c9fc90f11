import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type ProcessKinds, sumBelow } from './processes.js';

/** Linux counts the time of processes in hundredths of a second. */
const US_A_TICK = 10_000;

/**
 * The CPU time used so far, in µs, by all threads of everything below and including some processes; several of a kind
 * are added up.
 */
export const cpuUs = (pids: readonly number[], kinds: ProcessKinds): Record<string, number> =>
  sumBelow(pids, kinds, ({ pid }) => cpuUsOf(pid));

function cpuUsOf(pid: number): number {
  try {
    return cpuUsOfStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return cpuUsOfTime(execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' }));
  }
}

/** Reads a line of Linux's `/proc/<pid>/stat`. The name in brackets may hold anything, so fields count from its end. */
export function cpuUsOfStat(stat: string): number {
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 14 and 15: time in the program, time in the kernel. The first word is field 3.
  return (Number(words[11]) + Number(words[12])) * US_A_TICK;
}

/** Reads the output of `ps -o time`: `[[days-]hours:]minutes:seconds`, seconds with a fraction on some systems. */
export function cpuUsOfTime(text: string): number {
  const [days, clock] = text.includes('-') ? text.split('-') : ['0', text];
  const seconds = (clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return Math.round((Number(days) * 86_400 + seconds) * 1e6);
}
