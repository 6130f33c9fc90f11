import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptProcess } from './kept-process.js';

/** The processes that the launcher keeps running, started and ended together. */
export class ProcessGroup {
  readonly #members = new Set<KeptProcess<unknown>>();

  /** Starts all at once and resolves with what they said when ready. Rejects when one of them cannot start. */
  async start<T>(processes: readonly KeptProcess<T>[]): Promise<T[]> {
    for (const member of processes) this.#members.add(member);
    return Promise.all(processes.map((member) => member.start()));
  }

  /** Starts none of them again. */
  retire(): void {
    for (const member of this.#members) member.retire();
  }

  /** Passes a signal on to all that run. */
  signal(signal: NodeJS.Signals): void {
    for (const member of this.#members) member.signal(signal);
  }

  /** Asks some of them, or all, to end. Resolves when they are gone, or after `atMostMs`. */
  async stop(some?: readonly KeptProcess<unknown>[], atMostMs?: number): Promise<void> {
    const gone = Promise.all([...(some ?? this.#members)].map((member) => member.stop()));
    const waited = atMostMs === undefined ? [] : [sleep(atMostMs, undefined, { ref: false })];
    await Promise.race([gone, ...waited]);
  }
}
